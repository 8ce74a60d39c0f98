/** What can be done with a message: react, reply, and for one's own: edit, delete. */
import { post } from "./api.js";
import { edit } from "./composer.js";
import { el, icon, toast } from "./dom.js";
import { behave, menuItem, openMenu } from "./menu.js";
import { selectedCustomer } from "./store.js";

const EMOJIS = [
  ["👍", "thumbs up"],
  ["❤️", "heart"],
  ["😂", "laughter"],
  ["😮", "surprise"],
  ["😢", "tears"],
  ["🙏", "thanks"],
];
const EDITABLE = new Set(["text", "image", "video", "document"]);

/** The menu at a bubble, as the bubble is now. */
export function openActions(button, id, reply) {
  const bubble = selectedCustomer()?.bubbles.get(id);
  if (!bubble) return;
  const nodes = [emojis(bubble), menuItem(icon("reply"), "Reply", () => reply(bubble))];
  if (bubble.author === "customer") {
    if (EDITABLE.has(bubble.kind)) nodes.push(menuItem(icon("edit"), "Edit", () => edit(bubble)));
    nodes.push(menuItem(icon("trash"), "Delete", () => remove(bubble), "menu-item bad"));
  }
  openMenu(button, "React, or more", nodes);
}

/** Put an emoji on a message; "" takes it back. */
export function react(bubble, emoji) {
  return call("/reaction", { message_id: bubble.id, emoji });
}

function remove(bubble) {
  return call("/delete", { message_id: bubble.id });
}

function emojis(bubble) {
  const buttons = EMOJIS.map(([emoji, words]) => {
    const given = bubble.reaction === emoji;
    const node = behave(el("button", "emoji", emoji), "menuitemradio", () => react(bubble, given ? "" : emoji));
    node.setAttribute("aria-checked", String(given));
    node.setAttribute("aria-label", `React with ${words}`);
    return node;
  });
  const node = el("div", "emojis", ...buttons);
  node.setAttribute("role", "group");
  node.setAttribute("aria-label", "React");
  return node;
}

async function call(path, body) {
  try {
    await post(path, { customer: selectedCustomer()?.address, ...body });
  } catch (error) {
    toast(error.message);
  }
}
