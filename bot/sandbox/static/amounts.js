/** Sizes and lengths as people write them. */

const UNITS = ["bytes", "kB", "MB", "GB"];

/** E.g. "1.4 MB". */
export function sizeText(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const amount = bytes / 1000 ** power;
  return `${power && amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[power]}`;
}

/** E.g. "1:04". */
export function lengthText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
