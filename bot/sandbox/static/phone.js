/** The phone page: wires the parts together. */
import { listen } from "./api.js";
import { drawComposer, quote, sendAlone, startComposer } from "./composer.js";
import { byId } from "./dom.js";
import { startMenu } from "./menu.js";
import { startParcels } from "./parcels.js";
import { drawPeople } from "./people.js";
import { dropRecordingOfOthers, startRecorder } from "./recorder.js";
import { drawLine, startSheets } from "./sheets.js";
import { apply, select, selectedCustomer, state, subscribe } from "./store.js";
import { drawBubble, drawThread, drawTyping, drawUpload, renameBubble, startThread } from "./thread.js";

const KINDS = ["state", "customer", "typing", "bubble", "line"];
const WIDE = matchMedia("(min-width: 760px)");
const CONNECTION = {
  lost: "The connection is lost. Trying again…",
  locked: "The bot was started anew: open the URL that it printed.",
};

/** What on this page only pretends, and why. */
function standIns() {
  const hears = "only hears how long a voice note is.";
  const model = "No LLM key is set: a stand-in answers by quoting your prompt.";
  if (!state.speechIsStandIn) return state.model ? "" : model;
  return state.model ? `No speech key is set: a stand-in ${hears}` : `${model} Speech is a stand-in too: it ${hears}`;
}

function drawHead() {
  const customer = selectedCustomer();
  const typing = (customer?.typingUntil ?? 0) > Date.now();
  byId("shop").textContent = state.shop;
  const who = customer ? `You are ${customer.name} · ${customer.address}` : "";
  byId("subtitle").textContent = typing ? "typing…" : who;
  byId("subtitle").classList.toggle("typing-word", typing);
  byId("take-over").disabled = !customer;
}

function drawAll() {
  byId("stand-in").textContent = standIns();
  byId("stand-in").hidden = !standIns();
  byId("model").textContent = state.model || "the stand-in model";
  drawLine();
  openFromAddress();
}

/** The chat that the address names; on a wide page there is always one open. */
function openFromAddress() {
  const wanted = addressIn(location.hash);
  const known = state.customers.has(wanted);
  byId("app").dataset.view = known ? "chat" : "list";
  if (known) select(wanted);
  else select(WIDE.matches ? (state.customers.keys().next().value ?? "") : "");
}

function addressIn(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return "";
  }
}

const changes = {
  all: drawAll,
  line: drawLine,
  people() {
    drawPeople();
    // A customer who has just been added may be named by the address already.
    const wanted = addressIn(location.hash);
    if (wanted !== state.selected && state.customers.has(wanted)) openFromAddress();
  },
  select() {
    dropRecordingOfOthers();
    drawPeople();
    drawHead();
    drawThread();
    drawComposer();
    if (WIDE.matches) byId("text").focus();
  },
  bubble(address, id) {
    drawPeople();
    if (address === state.selected) drawBubble(id);
  },
  progress(address, id, share) {
    if (address === state.selected) drawUpload(id, share);
  },
  adopted(address, id, newId) {
    if (address === state.selected) renameBubble(id, newId);
  },
  typing() {
    drawPeople();
    drawHead();
    drawTyping();
  },
};

function connection(status) {
  byId("moved").hidden = status !== "moved";
  byId("connection").textContent = CONNECTION[status] ?? "";
  byId("connection").hidden = !(status in CONNECTION);
}

const start = () => listen(KINDS, apply, connection);

subscribe((what, ...about) => changes[what](...about));
startThread(quote);
startComposer();
startSheets();
startMenu();
startRecorder((address, file, seconds) => sendAlone(address, { file, kind: "voice", url: URL.createObjectURL(file), seconds }));
startParcels((file) => sendAlone(state.selected, { file, kind: "sticker", url: URL.createObjectURL(file) }));
byId("use-here").addEventListener("click", start);
addEventListener("hashchange", openFromAddress);
WIDE.addEventListener("change", openFromAddress);
document.addEventListener("visibilitychange", () => {
  const customer = selectedCustomer();
  if (document.hidden || !customer) return;
  customer.unread = 0;
  drawPeople();
});
// Typing ends by itself: nothing is sent for that.
setInterval(changes.typing, 5000);
start();
