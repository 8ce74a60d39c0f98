/** One message as DOM nodes, and how they change with it. */
import { openActions, react } from "./actions.js";
import { content } from "./content.js";
import { el, icon } from "./dom.js";
import { format, preview } from "./format.js";
import { selectedCustomer } from "./store.js";
import { summary } from "./summary.js";
import { clock } from "./times.js";

const TICKS = {
  pending: ["clock", "On its way to the line"],
  sent: ["sent", "The line has it"],
  delivered: ["delivered", "The webhook was acknowledged"],
  failed: ["failed", "Not delivered"],
};
/** The meta line lies on the picture when there are no words under it. */
const PICTURES = new Set(["image", "video", "sticker"]);
const drawn = new WeakMap();

/**
 * `on.reply(bubble)` answers it, `on.jump(id)` goes to a quoted one, `on.cancel(id)` stops an upload,
 * `on.settled()` tells that a picture has got its size.
 */
export function row(bubble, startsGroup, on) {
  const side = bubble.author === "customer" ? "out" : "in";
  const node = el("div", `row ${side}${startsGroup ? " first" : ""}`, body(bubble, on));
  if (bubble.tick !== "pending" && !bubble.deleted) node.append(tools(bubble, on));
  drawNote(node, bubble);
  drawn.set(node, essence(bubble));
  return node;
}

/** Bring a row up to date; what plays in it goes on when only its marks have changed. */
export function redraw(node, bubble, on) {
  if (drawn.get(node) !== essence(bubble)) {
    node.replaceChildren(...row(bubble, false, on).childNodes);
    drawn.set(node, essence(bubble));
    return;
  }
  node.querySelector(".meta").replaceWith(meta(bubble));
  drawReaction(node.querySelector(".bubble"), bubble);
  drawNote(node, bubble);
}

/** How far the upload is, from 0 to 1. */
export function drawProgress(node, share) {
  const bar = node.querySelector("progress");
  if (bar) bar.value = share;
}

/** What a bubble is made of, without its marks: tick, note and reaction. */
function essence({ text, content: held, quoted, deleted, tick, id }) {
  const { local: _, ...file } = held ?? {};
  return JSON.stringify([text, file, quoted, deleted, tick === "pending" && id]);
}

function body(bubble, on) {
  const node = el("div", "bubble");
  node.dataset.kind = bubble.deleted ? "deleted" : bubble.kind;
  if (bubble.author === "person") node.append(el("p", "by", "From the shop's own phone"));
  if (bubble.deleted) {
    node.append(el("span", "gone", icon("deleted"), "Message deleted"), meta(bubble));
    return node;
  }
  if (bubble.quoted) node.append(quoted(bubble.quoted, on));
  node.append(...content(bubble, on.settled));
  if (bubble.text) node.append(el("div", "text", format(bubble.text)));
  else if (PICTURES.has(bubble.kind)) node.classList.add("bare");
  if (bubble.tick === "pending" && bubble.content) node.append(progress(bubble, on));
  node.append(meta(bubble));
  drawReaction(node, bubble);
  return node;
}

function meta(bubble) {
  const time = el("time", "", clock(bubble.at));
  time.dateTime = bubble.at;
  const node = el("span", "meta", ...(bubble.edited ? [el("span", "", "edited")] : []), time);
  if (bubble.tick) node.append(icon(...TICKS[bubble.tick]));
  return node;
}

function progress(bubble, on) {
  const bar = el("progress", "");
  bar.max = 1;
  bar.setAttribute("aria-label", `Sending: ${summary(bubble)}`);
  const stop = el("button", "round", icon("close"));
  stop.type = "button";
  stop.setAttribute("aria-label", "Stop sending");
  stop.addEventListener("click", () => on.cancel(bubble.id));
  return el("div", "upload", bar, stop);
}

function drawReaction(body, bubble) {
  body.querySelector(".reaction")?.remove();
  if (!bubble.reaction) return;
  const node = el("button", "reaction", bubble.reaction);
  node.type = "button";
  node.setAttribute("aria-label", `Your reaction: ${bubble.reaction}. Take it back`);
  node.addEventListener("click", () => react(bubble, ""));
  body.append(node);
}

function drawNote(node, bubble) {
  node.querySelector(".note")?.remove();
  if (bubble.note) node.append(el("p", "note", bubble.note));
}

function quoted({ id, text }, on) {
  const original = selectedCustomer()?.bubbles.get(id);
  const words = preview(text) || (original ? summary(original) : "Message");
  const node = el("button", "quoted", words);
  node.type = "button";
  node.setAttribute("aria-label", `In reply to: ${words}`);
  node.addEventListener("click", () => on.jump(id));
  return node;
}

function tools(bubble, on) {
  const about = summary(bubble).slice(0, 60);
  const reply = el("button", "tool reply", icon("reply"));
  reply.type = "button";
  reply.setAttribute("aria-label", `Reply to: ${about}`);
  reply.addEventListener("click", () => on.reply(bubble));
  const more = el("button", "tool more", icon("smile"));
  more.type = "button";
  more.setAttribute("aria-label", `React to: ${about}, or more`);
  more.setAttribute("aria-haspopup", "menu");
  more.addEventListener("click", () => openActions(more, bubble.id, on.reply));
  return el("div", "tools", more, reply);
}
