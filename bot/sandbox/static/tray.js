/** Files that wait in the composer to be sent: picked, dropped or pasted. */
import { sizeText } from "./amounts.js";
import { byId, el, icon, toast } from "./dom.js";
import { selectedCustomer, state } from "./store.js";

const MOST = 10;
const ACCEPT = { image: "image/*", video: "video/*", document: "", sticker: "image/webp,image/png" };

const input = byId("file");
const list = byId("tray");
const veil = byId("drop-veil");
let kindToPick = "document";
let changed = () => {};

/** `onChange` is called when files came or went. */
export function startTray(onChange) {
  changed = onChange;
  input.addEventListener("change", () => {
    addFiles([...input.files], () => kindToPick);
    input.value = "";
  });
  const chat = document.querySelector(".chat");
  for (const name of ["dragenter", "dragover"]) chat.addEventListener(name, hover);
  veil.addEventListener("dragleave", () => { veil.hidden = true; });
  chat.addEventListener("drop", drop);
  document.addEventListener("paste", paste);
  // Beside the chat a dropped file would be opened in place of this page.
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => holdsFiles(event) && event.preventDefault());
}

/** Let the user choose files that are sent as this kind. */
export function pick(kind) {
  kindToPick = kind;
  input.accept = ACCEPT[kind];
  input.multiple = kind !== "sticker";
  input.click();
}

/** Put files in the tray of the open chat. */
export function addFiles(files, kindOf = guessKind) {
  const customer = selectedCustomer();
  if (!customer) return;
  const small = files.filter((file) => file.size <= state.maxFileBytes);
  if (small.length < files.length) toast(`A file has at most ${sizeText(state.maxFileBytes)}.`);
  const room = MOST - customer.tray.length;
  if (small.length > room) toast(`At most ${MOST} files go out at once.`);
  const items = small.slice(0, room).map((file) => ({ file, kind: kindOf(file), url: URL.createObjectURL(file) }));
  customer.tray.push(...items);
  changed();
}

/** Show what waits. */
export function drawTray() {
  const items = selectedCustomer()?.tray ?? [];
  list.hidden = !items.length;
  list.replaceChildren(...items.map((item) => el("li", `tray-item ${item.kind}`, thumbnail(item), dropButton(item))));
}

function guessKind({ type }) {
  if (type.startsWith("image/") && !type.startsWith("image/svg")) return "image";
  if (type.startsWith("video/")) return "video";
  return type.startsWith("audio/") ? "voice" : "document";
}

function thumbnail({ file, kind, url }) {
  if (kind === "image" || kind === "sticker") {
    const node = el("img", "");
    node.alt = file.name;
    node.addEventListener("error", () => node.replaceWith(named(file, kind)));
    node.src = url;
    return node;
  }
  if (kind !== "video") return named(file, kind);
  const node = el("video", "");
  Object.assign(node, { muted: true, preload: "metadata" });
  node.setAttribute("aria-label", file.name);
  node.src = url;
  return node;
}

function named(file, kind) {
  const words = el("span", "chip-words", el("b", "", file.name), el("small", "", sizeText(file.size)));
  return el("span", "chip", icon(kind === "voice" ? "mic" : kind), words);
}

function dropButton(item) {
  const node = el("button", "round", icon("close"));
  node.type = "button";
  node.setAttribute("aria-label", `Do not send ${item.file.name}`);
  node.addEventListener("click", () => {
    const { tray } = selectedCustomer();
    tray.splice(tray.indexOf(item), 1);
    URL.revokeObjectURL(item.url);
    changed();
    byId("text").focus();
  });
  return node;
}

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
const isForChat = (event) => selectedCustomer() && holdsFiles(event);

function hover(event) {
  if (!isForChat(event)) return;
  event.preventDefault();
  veil.hidden = false;
}

function drop(event) {
  veil.hidden = true;
  if (!isForChat(event)) return;
  event.preventDefault();
  addFiles([...event.dataTransfer.files]);
  byId("text").focus();
}

function paste(event) {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  addFiles(files);
}
