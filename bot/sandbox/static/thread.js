/** The open chat: bubbles, day separators, typing, and where it is scrolled to. */
import { drawProgress, redraw, row } from "./bubble.js";
import { byId, el } from "./dom.js";
import { selectedCustomer } from "./store.js";
import { dayKey, dayName } from "./times.js";
import { cancel } from "./uploads.js";

const NEAR_END_PX = 80;

const log = byId("log");
const toEnd = byId("to-end");
const nodes = new Map();
const typing = el("div", "row in typing", el("div", "bubble", el("i", ""), el("i", ""), el("i", "")));
typing.setAttribute("role", "status");
typing.setAttribute("aria-label", "typing");
const on = {
  reply: () => {},
  cancel,
  jump: (id) => nodes.get(id)?.scrollIntoView({ block: "center", behavior: "smooth" }),
  settled: () => { if (atEnd) scrollToEnd(); },
};
let missed = 0;
let atEnd = true;

/** `reply(bubble)` is called when the user wants to answer one message. */
export function startThread(reply) {
  on.reply = reply;
  log.addEventListener("scroll", () => {
    atEnd = isNearEnd();
    if (atEnd) setMissed(0);
  });
  toEnd.addEventListener("click", scrollToEnd);
  new ResizeObserver(on.settled).observe(log);
}

/** Draw the selected customer's chat from the beginning. */
export function drawThread() {
  nodes.clear();
  log.replaceChildren();
  const bubbles = [...(selectedCustomer()?.bubbles.values() ?? [])];
  if (!bubbles.length) log.append(emptyNote());
  let before = null;
  for (const bubble of bubbles) {
    append(bubble, before);
    before = bubble;
  }
  drawTyping();
  scrollToEnd();
}

/** Draw one bubble that is new or has changed. */
export function drawBubble(id) {
  const bubbles = [...selectedCustomer().bubbles.values()];
  const at = bubbles.findIndex((each) => each.id === id);
  if (at < 0) return;
  const bubble = bubbles[at];
  const follow = isNearEnd();
  if (nodes.has(id)) {
    redraw(nodes.get(id), bubble, on);
    if (follow) scrollToEnd();
    return;
  }
  log.querySelector(".empty")?.remove();
  append(bubble, bubbles[at - 1] ?? null);
  drawTyping();
  if (follow || bubble.author === "customer") scrollToEnd();
  else setMissed(missed + 1);
}

/** How far an upload has come. */
export function drawUpload(id, share) {
  if (nodes.has(id)) drawProgress(nodes.get(id), share);
}

/** A pending bubble has got its real id. */
export function renameBubble(id, newId) {
  const node = nodes.get(id);
  if (!node) return;
  node.dataset.id = newId;
  nodes.delete(id);
  nodes.set(newId, node);
}

/** Show or hide the three dots. */
export function drawTyping() {
  const follow = isNearEnd();
  if ((selectedCustomer()?.typingUntil ?? 0) > Date.now()) log.append(typing);
  else typing.remove();
  if (follow) scrollToEnd();
}

function append(bubble, before) {
  const newDay = !before || dayKey(before.at) !== dayKey(bubble.at);
  if (newDay) log.append(el("div", "day", el("span", "", dayName(bubble.at))));
  const node = row(bubble, newDay || before.author !== bubble.author, on);
  node.dataset.id = bubble.id;
  nodes.set(bubble.id, node);
  log.append(node);
}

function emptyNote() {
  const name = selectedCustomer()?.name ?? "a customer";
  return el("p", "empty", `You are ${name}. Write something, as a customer would.`);
}

const isNearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;

function scrollToEnd() {
  log.scrollTop = log.scrollHeight;
  atEnd = true;
  setMissed(0);
}

function setMissed(count) {
  missed = count;
  toEnd.hidden = count === 0 && isNearEnd();
  byId("missed").textContent = String(count);
  byId("missed").hidden = count === 0;
}
