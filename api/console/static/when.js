// Times in the viewer's zone, and durations with their units.

import { el } from "./dom.js";
import { number, t } from "./text.js";

const { lang } = document.documentElement;
const relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "long" });
const STEPS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

/** Return a `<time>`: how long ago, kept up to date, with the exact moment as its title. */
export function ago(iso) {
  const moment = new Date(iso);
  return el("time", { datetime: iso, title: absolute.format(moment), data: { ago: "" } }, told(moment));
}

/** Return the exact moment, in the viewer's zone. */
export function exactly(iso) {
  return absolute.format(new Date(iso));
}

/** Return a duration in readable form: 0.4 s, 12 s, 3 min, 5 h, 2 d. */
export function duration(seconds) {
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (seconds >= 2 * length) return unitised(Math.round(seconds / length), unit);
  }
  return seconds >= 10 ? unitised(Math.round(seconds), "second") : unitised(seconds, "second", 1);
}

/** Return bytes in readable form. */
export function bytes(count) {
  if (count < 1024) return unitised(count, "byte");
  if (count < 1024 ** 2) return unitised(count / 1024, "kilobyte", 1);
  return unitised(count / 1024 ** 2, "megabyte", 1);
}

function unitised(value, unit, digits = 0) {
  return number(value, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits });
}

function told(moment) {
  const seconds = (moment.getTime() - Date.now()) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return t("when.now");
}

setInterval(() => {
  for (const node of document.querySelectorAll("time[data-ago]")) {
    const text = told(new Date(node.dateTime));
    if (node.textContent !== text) node.textContent = text;
  }
}, 10_000);
