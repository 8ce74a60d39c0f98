/** What a bubble shows beside words. Names, captions and addresses are text, never HTML. */
import { sizeText } from "./amounts.js";
import { byId, el, icon } from "./dom.js";
import { player } from "./voice.js";

const MAP = "https://www.openstreetmap.org/";

/** The nodes for a bubble's content; `settled` is called when one has got its size. */
export function content(bubble, settled) {
  const show = { voice, image, video, document: chip, sticker, location: place, contact: card }[bubble.kind];
  return show ? [show(bubble.content, settled)] : [];
}

/** A file of this page is shown from memory, every other one from the sandbox. */
const address = (file) => file.local?.url ?? `/sandbox/files/${encodeURIComponent(file.id)}`;

async function bytes(file) {
  if (file.local) return file.local.blob.arrayBuffer();
  const answer = await fetch(address(file));
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.arrayBuffer();
}

function voice(file) {
  return player(file, address(file), () => bytes(file));
}

function image(file, settled) {
  const node = el("button", "picture", picture(file, "Photo", settled));
  node.type = "button";
  node.setAttribute("aria-label", "Open the photo");
  node.addEventListener("click", () => {
    if (!node.querySelector("img")) return;
    byId("viewer-image").src = address(file);
    byId("viewer").showModal();
  });
  return node;
}

function sticker(file, settled) {
  return el("div", "sticker", picture(file, "Sticker", settled));
}

function picture(file, words, settled) {
  const node = el("img", "");
  node.alt = words;
  node.addEventListener("load", settled);
  // What this browser can't show is still there to be downloaded.
  node.addEventListener("error", () => { node.replaceWith(chip(file)); });
  node.src = address(file);
  return node;
}

function video(file, settled) {
  const node = el("video", "clip");
  Object.assign(node, { controls: true, preload: "metadata", playsInline: true });
  node.addEventListener("loadedmetadata", settled);
  node.src = address(file);
  return node;
}

/** A file by its name. */
export function chip(file) {
  const name = file.filename || "File without a name";
  const ending = /\.([a-z0-9]{1,5})$/i.exec(name)?.[1] ?? "";
  const sheet = el("span", "sheet-icon", icon("sheet"), el("span", "", ending.toUpperCase()));
  sheet.setAttribute("aria-hidden", "true");
  const words = el("span", "chip-words", el("b", "", name), el("small", "", sizeText(file.size_bytes)));
  const node = el("a", "chip", sheet, words);
  node.href = address(file);
  node.download = name;
  return node;
}

function place({ latitude, longitude, name, address: street }) {
  const point = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
  const link = el("a", "", "Open in a map");
  link.href = `${MAP}?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
  Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
  const words = el("div", "place-words", el("b", "", name || "Place"), el("small", "", street || point), link);
  return el("div", "place", el("div", "map", icon("map"), icon("location")), words);
}

function card({ name, phones }) {
  const letter = el("span", "avatar", [...name][0]?.toUpperCase() ?? "?");
  letter.setAttribute("aria-hidden", "true");
  const numbers = phones.map((each) => el("small", "", each));
  return el("div", "card", letter, el("div", "card-words", el("b", "", name), ...numbers));
}
