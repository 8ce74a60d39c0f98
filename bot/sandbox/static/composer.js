/** Where a customer's message is made: its words, its files, what it replies to or replaces. */
import { post } from "./api.js";
import { byId, toast } from "./dom.js";
import { addPending, dropPending, selectedCustomer, state } from "./store.js";
import { summary } from "./summary.js";
import { drawTray, startTray } from "./tray.js";
import { sendFile } from "./uploads.js";

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
    drawButtons();
  });
  field.addEventListener("keydown", (event) => {
    // While an input method composes a character, Enter belongs to it.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape") {
      letGo();
    }
  });
  byId("quote-drop").addEventListener("click", letGo);
  startTray(() => {
    drawComposer();
    field.focus();
  });
}

/** Show what the selected customer has begun. */
export function drawComposer() {
  const customer = selectedCustomer();
  field.value = customer?.draft ?? "";
  field.placeholder = customer?.tray.length ? "Add a caption" : "Message";
  for (const node of [field, byId("attach"), byId("record")]) node.disabled = !customer;
  byId("attach").disabled ||= Boolean(customer.editing);
  drawStrip(customer);
  drawTray();
  drawButtons();
  fit();
}

/** Reply to this bubble. */
export function quote(bubble) {
  const customer = selectedCustomer();
  if (!customer) return;
  stopEditing(customer);
  customer.quoting = { id: bubble.id, text: bubble.text, words: summary(bubble) };
  drawComposer();
  field.focus();
}

/** Change the words of one's own bubble. */
export function edit({ id, text }) {
  const customer = selectedCustomer();
  if (!customer) return;
  stopEditing(customer);
  customer.editing = { id, text, draft: customer.draft };
  customer.draft = text;
  customer.quoting = null;
  drawComposer();
  field.focus();
}

/** Send a voice note or a sticker, which go as they are. */
export function sendAlone(address, item) {
  const customer = state.customers.get(address);
  if (!customer) return;
  const { quoting } = customer;
  customer.quoting = null;
  drawComposer();
  sendFile(address, item, "", quoting).then((error) => error && toast(error.message));
}

/** Neither reply nor edit any longer. */
function letGo() {
  const customer = selectedCustomer();
  if (!customer) return;
  customer.quoting = null;
  stopEditing(customer);
  drawComposer();
  field.focus();
}

function stopEditing(customer) {
  if (!customer.editing) return;
  customer.draft = customer.editing.draft;
  customer.editing = null;
}

function drawStrip(customer) {
  const { quoting, editing } = customer ?? {};
  strip.hidden = !quoting && !editing;
  strip.dataset.mode = editing ? "edit" : "reply";
  byId("quote-text").textContent = editing ? "Editing your message" : (quoting?.words ?? "");
  byId("quote-drop").setAttribute("aria-label", editing ? "Leave the message as it was" : "Do not reply to this message");
}

function drawButtons() {
  const customer = selectedCustomer();
  const filled = Boolean(customer && (field.value.trim() || customer.tray.length || customer.editing));
  byId("send").hidden = !filled;
  byId("send").setAttribute("aria-label", customer?.editing ? "Save the change" : "Send");
  byId("record").hidden = filled;
}

function send() {
  const customer = selectedCustomer();
  const text = field.value.trim();
  if (!customer) return;
  if (customer.editing) saveEdit(customer, text);
  else if (customer.tray.length) sendTray(customer, text);
  else if (text) sendText(customer, text);
}

async function saveEdit(customer, text) {
  const { id, text: before } = customer.editing;
  if (!text) return;
  stopEditing(customer);
  drawComposer();
  if (text === before) return;
  try {
    await post("/edit", { customer: customer.address, message_id: id, text });
  } catch (error) {
    toast(error.message);
  }
}

async function sendText(customer, text) {
  const { address, quoting } = customer;
  clear(customer);
  const pending = addPending(address, { text, quoted: quoting });
  try {
    await post("/messages", { customer: address, text, quoted: quoting?.id ?? null });
  } catch (error) {
    toast(error.message);
    dropPending(address, pending);
    giveBack(address, text, quoting, []);
  }
}

/** The words and the reply go with the first file, as phones do it. */
async function sendTray(customer, text) {
  const { address, quoting, tray } = customer;
  customer.tray = [];
  clear(customer);
  const errors = await Promise.all(
    tray.map((item, at) => sendFile(address, item, at ? "" : text, at ? null : quoting)),
  );
  const failed = tray.filter((_, at) => errors[at]);
  if (!failed.length) return;
  toast(errors.find(Boolean).message);
  giveBack(address, errors[0] ? text : "", errors[0] ? quoting : null, failed);
}

function clear(customer) {
  customer.draft = "";
  customer.quoting = null;
  drawComposer();
}

/** What did not leave goes back to where it was made. */
function giveBack(address, text, quoting, items) {
  const customer = state.customers.get(address);
  if (!customer) return;
  customer.tray.unshift(...items);
  if (!customer.draft) {
    customer.draft = text;
    customer.quoting = quoting;
  }
  drawComposer();
}

function fit() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
}
