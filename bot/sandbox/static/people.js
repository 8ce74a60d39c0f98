/** The list of customers at the left. */
import { byId, el } from "./dom.js";
import { state } from "./store.js";
import { summaryNode } from "./summary.js";
import { clock } from "./times.js";

const COLOURS = 6;

/** Draw the list anew: it is short. */
export function drawPeople() {
  const focused = document.activeElement?.closest?.("#people a")?.getAttribute("href");
  const rows = [...state.customers.values()].map((each) => row(each));
  byId("people").replaceChildren(...rows);
  if (focused) byId("people").querySelector(`a[href="${focused}"]`)?.focus();
  const unread = [...state.customers.values()].reduce((sum, each) => sum + each.unread, 0);
  document.title = unread ? `(${unread}) Sandbox phone` : "Sandbox phone";
}

function avatar(customer) {
  const at = [...state.customers.keys()].indexOf(customer.address);
  const letter = [...customer.name.replace("+", "")][0] ?? "?";
  const node = el("span", `avatar c${at % COLOURS}`, letter.toUpperCase());
  node.setAttribute("aria-hidden", "true");
  return node;
}

function row(customer) {
  const last = [...customer.bubbles.values()].at(-1);
  const link = el("a", "person", avatar(customer), words(customer, last));
  link.href = `#${encodeURIComponent(customer.address)}`;
  if (customer.address === state.selected) link.setAttribute("aria-current", "true");
  return el("li", "", link);
}

function words(customer, last) {
  const when = el("time", "", last ? clock(last.at) : "");
  const top = el("span", "person-top", el("b", "", customer.name), when);
  const typing = customer.typingUntil > Date.now();
  const said = typing ? el("span", "said typing-word", "typing…") : el("span", "said", ...lastWords(customer, last));
  const bottom = el("span", "person-bottom", said);
  if (customer.unread) {
    const badge = el("span", "badge", String(customer.unread));
    badge.setAttribute("aria-label", `${customer.unread} unread`);
    bottom.append(badge);
  }
  return el("span", "person-words", top, bottom);
}

function lastWords(customer, last) {
  if (!last) return [customer.address];
  return [last.author === "customer" ? "You: " : "", summaryNode(last, "")];
}
