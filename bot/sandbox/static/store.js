/** What the page knows, and who wants to hear when it changes. */

const MOST_LOCAL_BYTES = 3_000_000;
const listeners = [];
let pendingCount = 0;

export const state = {
  shop: "",
  model: "",
  speechIsStandIn: false,
  maxFileBytes: 0,
  line: { id: "", state: "ready" },
  /** By address; each with its bubbles by id, in order. */
  customers: new Map(),
  /** The address whose chat is open, or "". */
  selected: "",
};

/** Call `listener(what, address, id, more)` on every change; `what` names one of phone.js's changes. */
export function subscribe(listener) {
  listeners.push(listener);
}

function tell(what, ...about) {
  for (const listener of listeners) listener(what, ...about);
}

export const selectedCustomer = () => state.customers.get(state.selected);

/** Take in one update of the live stream. */
export function apply(kind, data) {
  const takers = { state: replaceAll, customer: setCustomer, typing: setTyping, bubble: setBubble };
  if (kind === "line") {
    state.line.state = data.state;
    tell("line");
  } else {
    takers[kind](data);
  }
}

/** Open a customer's chat; "" closes it. */
export function select(address) {
  state.selected = state.customers.has(address) ? address : "";
  const customer = selectedCustomer();
  if (customer) customer.unread = 0;
  tell("select", state.selected);
}

/** Show a message that is not yet with the sandbox; returns its temporary id. */
export function addPending(address, message) {
  const id = `pending-${++pendingCount}`;
  const at = new Date().toISOString();
  const bubble = { id, author: "customer", kind: "text", content: null, at, tick: "pending", note: "", ...message };
  state.customers.get(address)?.bubbles.set(id, bubble);
  tell("bubble", address, id);
  return id;
}

/** An upload has come this far, from 0 to 1. */
export const tellProgress = (address, id, share) => tell("progress", address, id, share);

export function dropPending(address, id) {
  if (state.customers.get(address)?.bubbles.delete(id)) tell("select", state.selected);
}

function newCustomer({ address, name, typing_s: typing }) {
  const begun = { draft: "", quoting: null, editing: null, tray: [] };
  return { address, name, typingUntil: typingEnd(typing), bubbles: new Map(), unread: 0, ...begun };
}

const typingEnd = (seconds) => (seconds > 0 ? Date.now() + seconds * 1000 : 0);

function replaceAll(data) {
  const before = state.customers;
  state.shop = data.shop;
  state.model = data.model;
  state.speechIsStandIn = data.speech_is_stand_in;
  state.maxFileBytes = data.max_file_bytes;
  state.line = data.line;
  state.customers = new Map();
  for (const each of data.customers) {
    const { unread, draft, quoting, editing, tray } = before.get(each.address) ?? newCustomer(each);
    const customer = { ...newCustomer(each), unread, draft, quoting, editing, tray };
    for (const bubble of each.bubbles) customer.bubbles.set(bubble.id, bubble);
    state.customers.set(each.address, customer);
  }
  tell("all");
}

function setCustomer(data) {
  if (!state.customers.has(data.address)) state.customers.set(data.address, newCustomer(data));
  tell("people");
}

function setTyping(data) {
  const customer = state.customers.get(data.address);
  if (!customer) return;
  customer.typingUntil = typingEnd(data.typing_s);
  tell("typing", data.address);
}

function setBubble({ address, bubble }) {
  const customer = state.customers.get(address);
  if (!customer) return;
  const isNew = !customer.bubbles.has(bubble.id);
  if (isNew && bubble.author === "customer") adopt(customer, bubble);
  keepLocal(customer.bubbles.get(bubble.id), bubble);
  customer.bubbles.set(bubble.id, bubble);
  const seen = address === state.selected && !document.hidden;
  if (isNew && bubble.author !== "customer" && !seen) customer.unread += 1;
  tell("bubble", address, bubble.id);
}

/** The sandbox has a message that this page shows as pending: it takes that one's place. */
function adopt(customer, bubble) {
  const pending = [...customer.bubbles].find(([, each]) => each.tick === "pending" && isSame(each, bubble))?.[0];
  if (!pending) return;
  keepLocal(customer.bubbles.get(pending), bubble);
  customer.bubbles = new Map(
    [...customer.bubbles].map(([id, each]) => (id === pending ? [bubble.id, bubble] : [id, each])),
  );
  tell("adopted", customer.address, pending, bubble.id);
}

const isSame = (one, other) =>
  one.kind === other.kind && one.text === other.text && one.content?.size_bytes === other.content?.size_bytes;

/** What this page has sent itself is shown from its own memory, if it is small. */
function keepLocal(before, bubble) {
  const local = before?.content?.local;
  if (!local || !bubble.content) return;
  if (local.blob.size <= MOST_LOCAL_BYTES) bubble.content.local = local;
  else URL.revokeObjectURL(local.url);
}
