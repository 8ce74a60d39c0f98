/** What the page knows, and who wants to hear when it changes. */

const listeners = [];
let pendingCount = 0;

export const state = {
  shop: "",
  model: "",
  line: { id: "", state: "ready" },
  /** By address; each with its bubbles by id, in order. */
  customers: new Map(),
  /** The address whose chat is open, or "". */
  selected: "",
};

/** Call `listener(what, address, id, newId)` on every change; `what` names one of phone.js's changes. */
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
export function addPending(address, text, quoted) {
  const id = `pending-${++pendingCount}`;
  const at = new Date().toISOString();
  const bubble = { id, author: "customer", text, at, tick: "pending", note: "", quoted };
  state.customers.get(address)?.bubbles.set(id, bubble);
  tell("bubble", address, id);
  return id;
}

export function dropPending(address, id) {
  if (state.customers.get(address)?.bubbles.delete(id)) tell("select", state.selected);
}

function newCustomer({ address, name, typing_s: typing }) {
  return { address, name, typingUntil: typingEnd(typing), bubbles: new Map(), unread: 0, draft: "", quoting: null };
}

const typingEnd = (seconds) => (seconds > 0 ? Date.now() + seconds * 1000 : 0);

function replaceAll(data) {
  const before = state.customers;
  state.shop = data.shop;
  state.model = data.model;
  state.line = data.line;
  state.customers = new Map();
  for (const each of data.customers) {
    const { unread, draft, quoting } = before.get(each.address) ?? newCustomer(each);
    const customer = { ...newCustomer(each), unread, draft, quoting };
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
  customer.bubbles.set(bubble.id, bubble);
  const seen = address === state.selected && !document.hidden;
  if (isNew && bubble.author !== "customer" && !seen) customer.unread += 1;
  tell("bubble", address, bubble.id);
}

/** The sandbox has a message that this page shows as pending: it takes that one's place. */
function adopt(customer, bubble) {
  const same = ([, each]) => each.tick === "pending" && each.text === bubble.text;
  const pending = [...customer.bubbles].find(same)?.[0];
  if (!pending) return;
  customer.bubbles = new Map(
    [...customer.bubbles].map(([id, each]) => (id === pending ? [bubble.id, bubble] : [id, each])),
  );
  tell("adopted", customer.address, pending, bubble.id);
}
