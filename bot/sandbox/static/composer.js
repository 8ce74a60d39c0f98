/** Where the customer's words are written, and the message they reply to. */
import { post } from "./api.js";
import { byId, toast } from "./dom.js";
import { preview } from "./format.js";
import { addPending, dropPending, selectedCustomer, state } from "./store.js";

const field = byId("text");
const strip = byId("quote-strip");

export function startComposer() {
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  field.addEventListener("input", () => {
    const customer = selectedCustomer();
    if (customer) customer.draft = field.value;
    fit();
  });
  field.addEventListener("keydown", (event) => {
    // While an input method composes a character, Enter belongs to it.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape") {
      quote(null);
    }
  });
  byId("quote-drop").addEventListener("click", () => quote(null));
}

/** Show the selected customer's draft. */
export function drawComposer() {
  const customer = selectedCustomer();
  field.value = customer?.draft ?? "";
  field.disabled = !customer;
  drawQuote();
  fit();
}

/** Reply to this bubble; null: to none. */
export function quote(bubble) {
  const customer = selectedCustomer();
  if (!customer) return;
  customer.quoting = bubble && { id: bubble.id, text: bubble.text };
  drawQuote();
  field.focus();
}

function drawQuote() {
  const quoting = selectedCustomer()?.quoting;
  strip.hidden = !quoting;
  byId("quote-text").textContent = quoting ? preview(quoting.text) : "";
}

async function send() {
  const customer = selectedCustomer();
  const text = field.value.trim();
  if (!customer || !text) return;
  const { address, quoting } = customer;
  customer.draft = "";
  customer.quoting = null;
  drawComposer();
  const pending = addPending(address, text, quoting);
  try {
    await post("/messages", { customer: address, text, quoted: quoting?.id ?? null });
  } catch (error) {
    toast(error.message);
    giveBack(address, pending, text, quoting);
  }
}

/** The message did not leave: its words go back to where they were written. */
function giveBack(address, pending, text, quoting) {
  dropPending(address, pending);
  const customer = state.customers.get(address);
  if (!customer || customer.draft) return;
  customer.draft = text;
  customer.quoting = quoting;
  drawComposer();
}

function fit() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
}
