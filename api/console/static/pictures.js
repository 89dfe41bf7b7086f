// Where a job's pictures are, and what they are called.

import { at } from "./text.js";

const { base } = document.documentElement.dataset;
const THUMBNAIL = "?x-oss-process=style/scale512";

/** Return the address of a picture as this page reaches the gateway, whatever its public address is. */
export function here(url) {
  return url?.startsWith(`${base}/images/`) ? at(url.slice(base.length + 1)) : url;
}

/** Return the address of a picture's thumbnail. */
export function small(url) {
  return url.includes("/images/") ? here(url) + THUMBNAIL : url;
}

/** Return a job's pictures: its cells, or its only one. */
export function picturesOf(job) {
  if (job.images.length) return job.images;
  return job.status === 1 && job.url ? [{ url: job.url, width: job.width, height: job.height }] : [];
}

/** Return a text about a job's prompt that is short enough to be a label. */
export function shortly(text) {
  const letters = [...(text ?? "")];
  return letters.length > 120 ? `${letters.slice(0, 119).join("")}…` : letters.join("");
}
