/** The open chat: bubbles, day separators, ticks, typing, and where it is scrolled to. */
import { byId, el, icon } from "./dom.js";
import { format, preview } from "./format.js";
import { selectedCustomer } from "./store.js";
import { clock, dayKey, dayName } from "./times.js";

const NEAR_END_PX = 80;
const TICKS = {
  pending: ["clock", "On its way to the line"],
  sent: ["sent", "The line has it"],
  delivered: ["delivered", "The webhook was acknowledged"],
  failed: ["failed", "Not delivered"],
};

const log = byId("log");
const toEnd = byId("to-end");
const nodes = new Map();
const typing = el("div", "row in typing", el("div", "bubble", el("i", ""), el("i", ""), el("i", "")));
typing.setAttribute("role", "status");
typing.setAttribute("aria-label", "typing");
let missed = 0;
let onReply = () => {};

/** `reply(bubble)` is called when the user wants to answer one message. */
export function startThread(reply) {
  onReply = reply;
  log.addEventListener("scroll", () => { if (isNearEnd()) setMissed(0); });
  toEnd.addEventListener("click", scrollToEnd);
  new ResizeObserver(() => { if (!missed) scrollToEnd(); }).observe(log);
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
  const old = nodes.get(id);
  if (old) {
    old.querySelector(".meta").replaceWith(meta(bubble));
    drawNote(old, bubble);
    return;
  }
  const follow = isNearEnd() || bubble.author === "customer";
  log.querySelector(".empty")?.remove();
  append(bubble, bubbles[at - 1] ?? null);
  drawTyping();
  if (follow) scrollToEnd();
  else setMissed(missed + 1);
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
  const node = row(bubble, newDay || before.author !== bubble.author);
  nodes.set(bubble.id, node);
  log.append(node);
}

function row(bubble, startsGroup) {
  const side = bubble.author === "customer" ? "out" : "in";
  const body = el("div", "bubble");
  if (bubble.author === "person") body.append(el("p", "by", "From the shop's own phone"));
  if (bubble.quoted) body.append(quoted(bubble.quoted));
  body.append(el("div", "text", format(bubble.text)), meta(bubble));
  const node = el("div", `row ${side}${startsGroup ? " first" : ""}`, body, replyButton(bubble));
  node.dataset.id = bubble.id;
  drawNote(node, bubble);
  return node;
}

function meta(bubble) {
  const time = el("time", "", clock(bubble.at));
  time.dateTime = bubble.at;
  const node = el("span", "meta", time);
  if (bubble.tick) node.append(icon(...TICKS[bubble.tick]));
  return node;
}

function drawNote(node, bubble) {
  node.querySelector(".note")?.remove();
  if (bubble.note) node.append(el("p", "note", bubble.note));
}

function quoted({ id, text }) {
  const node = el("button", "quoted", preview(text));
  node.type = "button";
  node.setAttribute("aria-label", `In reply to: ${preview(text)}`);
  node.addEventListener("click", () => nodes.get(id)?.scrollIntoView({ block: "center", behavior: "smooth" }));
  return node;
}

function replyButton(bubble) {
  const node = el("button", "reply", icon("reply"));
  node.type = "button";
  node.setAttribute("aria-label", `Reply to: ${preview(bubble.text).slice(0, 60)}`);
  node.addEventListener("click", () => onReply(bubble));
  return node;
}

function emptyNote() {
  const name = selectedCustomer()?.name ?? "a customer";
  return el("p", "empty", `You are ${name}. Write something, as a customer would.`);
}

const isNearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;

function scrollToEnd() {
  log.scrollTop = log.scrollHeight;
  setMissed(0);
}

function setMissed(count) {
  missed = count;
  toEnd.hidden = count === 0 && isNearEnd();
  byId("missed").textContent = String(count);
  byId("missed").hidden = count === 0;
}
