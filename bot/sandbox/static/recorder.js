/** Records a voice note: tap to begin, then send or discard. */
import { lengthText } from "./amounts.js";
import { byId, el, toast } from "./dom.js";
import { state } from "./store.js";

const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4", "audio/webm"];
const MOST_MS = 15 * 60_000;
const LEAST_MS = 400;
const BARS = 120;
const WHY = {
  NotAllowedError: "The microphone is blocked for this page. Allow it at the browser's address bar, then try again.",
  NotFoundError: "There is no microphone on this machine.",
  NotReadableError: "The microphone does not answer: another program may be using it.",
};

let session = null;
let asking = false;
let onDone = () => {};

/** `done(address, file, seconds)` is called with a recording to be sent. */
export function startRecorder(done) {
  onDone = done;
  byId("levels").append(...Array.from({ length: BARS }, () => el("i", "")));
  byId("record").addEventListener("click", begin);
  byId("record-send").addEventListener("click", () => end(true));
  byId("record-drop").addEventListener("click", () => end(false));
  byId("record-row").addEventListener("keydown", (event) => { if (event.key === "Escape") end(false); });
}

/** A recording belongs to the chat it was begun in: leaving that discards it. */
export function dropRecordingOfOthers() {
  if (session && session.address !== state.selected) end(false);
}

async function begin() {
  if (session || asking) return;
  const address = state.selected;
  asking = true;
  try {
    const stream = await microphone();
    if (address === state.selected) record(address, stream);
    else hangUp(stream);
  } catch (error) {
    toast(WHY[error.name] ?? `The microphone can't be used: ${error.message}`);
  } finally {
    asking = false;
  }
}

function microphone() {
  if (!navigator.mediaDevices || !globalThis.MediaRecorder) {
    throw new Error("this browser gives none here. Open the page under 127.0.0.1 or localhost.");
  }
  return navigator.mediaDevices.getUserMedia({ audio: true });
}

function record(address, stream) {
  const mimeType = TYPES.find((each) => MediaRecorder.isTypeSupported(each));
  const recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 32_000 });
  const chunks = [];
  recorder.addEventListener("dataavailable", ({ data }) => chunks.push(data));
  recorder.addEventListener("stop", () => finish(chunks, recorder.mimeType));
  recorder.start();
  const meter = startMeter(stream);
  const beat = setInterval(tick, 100);
  session = { address, stream, recorder, meter, beat, from: performance.now(), ms: 0, keep: false };
  tick();
  show(true);
}

function tick() {
  session.ms = performance.now() - session.from;
  byId("record-time").textContent = lengthText(Math.floor(session.ms / 1000));
  session.meter.draw();
  if (session.ms > MOST_MS) end(true);
}

function end(keep) {
  if (!session || session.recorder.state === "inactive") return;
  session.keep = keep;
  session.ms = performance.now() - session.from;
  clearInterval(session.beat);
  session.recorder.stop();
}

function finish(chunks, type) {
  const { address, stream, meter, keep, ms } = session;
  session = null;
  hangUp(stream);
  meter.stop();
  show(false);
  if (!keep) return;
  const file = new Blob(chunks, { type });
  if (file.size && ms >= LEAST_MS) onDone(address, file, Math.round(ms / 100) / 10);
  else toast("That was too short. Tap the microphone, speak, then tap the arrow.");
}

function hangUp(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function show(recording) {
  byId("compose-row").hidden = recording;
  byId("record-row").hidden = !recording;
  byId(recording ? "record-send" : "text").focus();
}

/** Shows that the microphone hears something. */
function startMeter(stream) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const bars = [...byId("levels").children];
  const levels = bars.map(() => 0);
  const draw = () => {
    analyser.getFloatTimeDomainData(samples);
    levels.shift();
    levels.push(Math.min(1, Math.max(...samples.map(Math.abs)) * 2));
    bars.forEach((bar, at) => { bar.style.height = `${3 + levels[at] * 21}px`; });
  };
  return { draw, stop: () => context.close() };
}
