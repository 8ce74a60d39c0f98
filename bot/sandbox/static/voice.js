/** The player of a voice note: a button, and a waveform that is also a slider. */
import { lengthText } from "./amounts.js";
import { el, icon, svg } from "./dom.js";

const BARS = 44;
const HEIGHT = 30;
const MOST_BYTES = 4_000_000;
const known = new Map();
let playing = null;

/** `load` gives the bytes as an ArrayBuffer: from them the waveform is drawn. */
export function player({ id, seconds, size_bytes: size }, src, load) {
  const audio = new Audio();
  audio.preload = "none";
  audio.src = src;
  const button = el("button", "play", icon("play"));
  button.type = "button";
  const slider = el("input", "");
  Object.assign(slider, { type: "range", min: 0, max: 1, step: "any", value: 0 });
  slider.setAttribute("aria-label", "Position in the voice note");
  const bars = svg("svg", { class: "bars", viewBox: `0 0 ${BARS * 4} ${HEIGHT}`, preserveAspectRatio: "none" });
  const time = el("span", "voice-time");
  const node = el("div", "voice", button, el("div", "wave", bars, slider), time);
  const parts = { audio, button, slider, bars, time, length: seconds ?? 0 };
  drawBars(parts, []);
  follow(parts);
  if (size <= MOST_BYTES) listen(id, load).then((heard) => take(parts, heard), () => {});
  return node;
}

function follow(parts) {
  const { audio, button, slider } = parts;
  const draw = () => drawPosition(parts);
  button.addEventListener("click", () => (audio.paused ? play(audio) : audio.pause()));
  slider.addEventListener("input", () => {
    audio.currentTime = slider.value * length(parts);
    draw();
  });
  audio.addEventListener("ended", () => { audio.currentTime = 0; });
  for (const name of ["play", "pause", "ended", "seeked", "loadedmetadata"]) audio.addEventListener(name, draw);
  audio.addEventListener("play", function frame() {
    draw();
    if (!audio.paused) requestAnimationFrame(frame);
  });
  draw();
}

function play(audio) {
  if (playing !== audio) playing?.pause();
  playing = audio;
  audio.play().catch(() => {}); // its own error is shown by the button staying as it is
}

/** Of a recording that is still open at its end a browser says Infinity. */
function length(parts) {
  if (parts.length) return parts.length;
  return Number.isFinite(parts.audio.duration) ? parts.audio.duration : 0;
}

function drawPosition(parts) {
  const { audio, button, slider, bars, time } = parts;
  const total = length(parts);
  const share = total ? Math.min(1, audio.currentTime / total) : 0;
  const word = audio.paused ? "play" : "pause";
  if (button.dataset.word !== word) {
    button.dataset.word = word;
    button.replaceChildren(icon(word));
    button.setAttribute("aria-label", `${audio.paused ? "Play" : "Pause"} the voice note`);
  }
  slider.value = share;
  slider.setAttribute("aria-valuetext", `${lengthText(audio.currentTime)} of ${lengthText(total)}`);
  time.textContent = lengthText(audio.paused && !share ? total : audio.currentTime);
  bars.childNodes.forEach((bar, at) => bar.classList.toggle("on", share > 0 && at / BARS < share));
}

function drawBars({ bars }, peaks) {
  const most = Math.max(...peaks, 0.01);
  bars.replaceChildren(...Array.from({ length: BARS }, (_, at) => {
    const height = Math.max(3, ((peaks[at] ?? 0) / most) * HEIGHT);
    return svg("rect", { x: at * 4, y: (HEIGHT - height) / 2, width: 2.4, height, rx: 1.2 });
  }));
}

function take(parts, { peaks, seconds }) {
  parts.length ||= seconds;
  drawBars(parts, peaks);
  drawPosition(parts);
}

function listen(id, load) {
  if (!known.has(id)) known.set(id, load().then(decode));
  if (known.size > 100) known.delete(known.keys().next().value);
  return known.get(id);
}

async function decode(bytes) {
  const sound = await new OfflineAudioContext(1, 1, 16_000).decodeAudioData(bytes);
  const samples = sound.getChannelData(0);
  const step = Math.max(1, Math.floor(samples.length / BARS));
  const peaks = Array.from({ length: BARS }, (_, at) => {
    let most = 0;
    for (let i = at * step; i < Math.min(samples.length, (at + 1) * step); i += 8) most = Math.max(most, Math.abs(samples[i]));
    return most;
  });
  return { peaks, seconds: sound.duration };
}
