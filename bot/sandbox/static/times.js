/** Times and days as this browser's user writes them. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const A_DAY_MS = 86_400_000;

export const clock = (iso) => CLOCK.format(new Date(iso));

/** A key that is equal for two times of the same local day. */
export const dayKey = (iso) => new Date(iso).toDateString();

export function dayName(iso) {
  const key = dayKey(iso);
  if (key === new Date().toDateString()) return "Today";
  if (key === new Date(Date.now() - A_DAY_MS).toDateString()) return "Yesterday";
  return DAY.format(new Date(iso));
}
