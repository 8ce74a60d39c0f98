/** The attach menu, and the sheets for what is no file: places, contacts, stickers. */
import { post } from "./api.js";
import { byId, el, icon, toast } from "./dom.js";
import { menuItem, openMenu } from "./menu.js";
import { startForm } from "./sheets.js";
import { state } from "./store.js";
import { pick } from "./tray.js";

const STICKERS = { thumb: "Thumbs up", heart: "Heart", laugh: "Laughing", sad: "Sad", party: "Party", loaf: "Loaf of bread" };
const STICKER_PX = 512;
const PLACE = { latitude: "40.4154", longitude: "-3.7074", name: "Plaza Mayor", address: "Plaza Mayor, 28012 Madrid" };
const CONTACT = { name: "Eva Lind", phones: "+1 555 010 0777" };

/** `sendSticker(file)` is called with the picture of a chosen one. */
export function startParcels(sendSticker) {
  const open = {
    place: startForm("place", sendPlace, () => {}),
    contact: startForm("contact", sendContact, () => {}),
  };
  startExample("place", PLACE);
  startExample("contact", CONTACT);
  startStickers(sendSticker);
  const kinds = [
    ["image", "Photo", () => pick("image")],
    ["video", "Video", () => pick("video")],
    ["document", "Document", () => pick("document")],
    ["location", "Place", open.place],
    ["contact", "Contact", open.contact],
    ["sticker", "Sticker", () => byId("sticker-sheet").showModal()],
  ];
  const attach = byId("attach");
  attach.addEventListener("click", () => {
    const items = kinds.map(([name, words, choose]) => menuItem(el("span", `disc ${name}`, icon(name)), words, choose));
    openMenu(attach, "Attach", items);
  });
}

function startExample(name, values) {
  const form = byId(`${name}-form`);
  form.querySelector(".example").addEventListener("click", () => {
    for (const [field, value] of Object.entries(values)) form.elements[field].value = value;
    form.querySelector(".primary").focus();
  });
}

async function sendPlace({ elements }) {
  await post("/location", {
    customer: state.selected,
    latitude: elements.latitude.valueAsNumber,
    longitude: elements.longitude.valueAsNumber,
    name: elements.name.value,
    address: elements.address.value,
  });
}

async function sendContact({ elements }) {
  const phones = elements.phones.value.split("\n").map((line) => line.trim()).filter(Boolean);
  await post("/contact", { customer: state.selected, name: elements.name.value, phones });
}

function startStickers(send) {
  const buttons = Object.entries(STICKERS).map(([name, words]) => {
    const image = el("img", "");
    image.src = `/sandbox/static/stickers/${name}.svg`;
    image.alt = words;
    const node = el("button", "", image);
    node.addEventListener("click", async () => {
      try {
        const picture = await drawn(image);
        send(new File([picture], name, { type: picture.type }));
      } catch (error) {
        toast(error.message);
      }
    });
    return node;
  });
  byId("stickers").append(...buttons);
  byId("sticker-file").addEventListener("click", () => {
    byId("sticker-sheet").close();
    pick("sticker");
  });
}

/** The picture as phones send stickers: WebP where the browser can write it. */
async function drawn(image) {
  await image.decode();
  const canvas = el("canvas", "");
  canvas.width = canvas.height = STICKER_PX;
  canvas.getContext("2d").drawImage(image, 0, 0, STICKER_PX, STICKER_PX);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/webp", 0.9); });
}
