/** A message in a few words: for the list, for quotes, for screen readers. */
import { lengthText } from "./amounts.js";
import { el, icon } from "./dom.js";
import { preview } from "./format.js";

const WORDS = {
  voice: ({ seconds }) => (seconds ? `Voice note (${lengthText(seconds)})` : "Voice note"),
  image: () => "Photo",
  video: () => "Video",
  document: ({ filename }) => filename || "Document",
  sticker: () => "Sticker",
  location: ({ name, address }) => name || address || "Place",
  contact: ({ name }) => name,
};
const ICONS = { voice: "mic" };

/** The words alone. */
export function summary(bubble) {
  if (bubble.deleted) return "Message deleted";
  return preview(bubble.text) || WORDS[bubble.kind]?.(bubble.content ?? {}) || "Message";
}

/** The words behind a sign for what they are. */
export function summaryNode(bubble, className) {
  const name = bubble.deleted ? "deleted" : bubble.content && (ICONS[bubble.kind] ?? bubble.kind);
  return el("span", className, ...(name ? [icon(name)] : []), summary(bubble));
}
