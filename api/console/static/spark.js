// The line of a lane's last hour: how many jobs waited, from the left an hour ago to the right now.

import { fill } from "./dom.js";
import { number, t } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 48;
const HOUR_MS = 3_600_000;

/** Draw `minutes` ({at, waiting}, oldest first) and the present depth into an `<svg>`. */
export function drawSpark(svg, minutes, now) {
  const end = Date.now();
  const points = [...minutes.map(({ at, waiting }) => [new Date(at).getTime(), waiting]), [end, now]];
  const most = Math.max(...points.map(([, waiting]) => waiting));
  const placed = points.map(([at, waiting]) => [
    round(Math.min(1, Math.max(0, 1 - (end - at) / HOUR_MS)) * WIDTH),
    round(HEIGHT - 2 - (most ? waiting / most : 0) * (HEIGHT - 6)),
  ]);
  const line = placed.map(([x, y]) => `${x},${y}`).join(" ");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", t("overview.spark", { most, now }));
  fill(
    svg,
    shape("polygon", "area", `${placed[0][0]},${HEIGHT} ${line} ${WIDTH},${HEIGHT}`),
    shape("polyline", "line", line),
  );
  return most;
}

/** Return an empty `<svg>` for it. */
export function spark() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  return svg;
}

function shape(tag, name, points) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute("class", name);
  node.setAttribute("points", points);
  return node;
}

const round = (value) => Math.round(value * 10) / 10;
/** Return a rate as people write it. */
export const perMinute = (rate) => t("overview.per_minute", { rate: number(rate, { maximumFractionDigits: 1 }) });
