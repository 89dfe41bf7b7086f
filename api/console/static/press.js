// Follow-ups on a job that is done: whatever its `buttons` says is open.

import { call, notice, Refused } from "./api.js";
import { ask } from "./ask.js";
import { el } from "./dom.js";
import { paintMask } from "./mask.js";
import { t } from "./text.js";

/** Return a new tag: 32 hex digits. (`randomUUID` is missing where a gateway is reached without TLS.) */
export function newTag() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return the follow-ups that are open, as buttons; `only`: of this cell, from 0. */
export function buttons(job, { did }, only = null) {
  const rows = { u: [], v: [], vs: [], r: [], other: [] };
  for (const name of shownOf(job)) {
    const [, letters, digit] = /^([a-z]+?)(\d?)$/.exec(name);
    if (only !== null && digit && Number(digit) - 1 !== only) continue;
    if (only !== null && name === "r") continue;
    (rows[letters] ?? rows.other).push(button(job, name, letters, digit, did, only));
  }
  const { vs, other, ...first } = rows;
  const shown = [first, { vs, other }].map((half) =>
    Object.values(half).map((row) => (row.length ? el("div", { class: "row" }, row) : null)),
  );
  const rare = vs.length + other.length ? el("details", {}, el("summary", {}, t("job.more")), shown[1]) : null;
  return el("div", { class: "followups", role: "group", "aria-label": t("job.followups") }, shown[0], rare);
}

/** The open ones, and the picks that were used, which stay where they were. */
function shownOf(job) {
  const used = ["u1", "u2", "u3", "u4"].filter((name) => job[name] && job.images.length);
  return [...used, ...job.buttons.filter((name) => !used.includes(name))].sort(
    (a, b) => used.concat(job.buttons).includes(a) && ORDER.indexOf(a) - ORDER.indexOf(b),
  );
}

const ORDER = [
  ...["u1", "u2", "u3", "u4", "v1", "v2", "v3", "v4", "vs1", "vs2", "vs3", "vs4"],
  ...["r", "upscale", "zoom", "pan", "remix", "region"],
];
const OPENS_A_QUESTION = ["upscale", "zoom", "pan", "remix", "region"];

function button(job, name, letters, digit, did, only) {
  const question = OPENS_A_QUESTION.includes(name);
  const key = question ? `button.${name}` : `button.${letters}`;
  const used = Boolean(job[name]) && letters === "u";
  const node = el(
    "button",
    {
      type: "button",
      class: "small",
      disabled: used,
      title: question ? null : t(`${key}.help`, { cell: digit }),
      data: { act: name },
      onclick: () => (question ? more(job, name, did, only) : press(job, { buttonType: name }, did, node)),
    },
    t(key, { cell: digit }),
    used ? " ✓" : null,
    question ? "…" : null,
  );
  return node;
}

async function press(job, fields, did, node) {
  if (node) node.disabled = true;
  try {
    const body = { messageId: job.id, tag: newTag(), fast: job.fast, ...fields };
    did((await call("POST", "draw/midjourney/button", body)).data);
    return null;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const told = [error.message, ...Object.values(error.errors).flat()].join(" ");
    notice(told);
    return told;
  } finally {
    if (node) node.disabled = false;
  }
}

async function more(job, name, did, only) {
  const many = job.images.length > 1;
  const cell = many
    ? [{ name: "cell", label: t("button.cell"), kind: "pick", value: String((only ?? 0) + 1), choices: job.images.map((_, place) => [String(place + 1), String(place + 1)]) }]
    : [];
  const words = { name: "promptEn", label: t(`button.${name === "remix" ? "remix" : "region"}.prompt`), kind: "long", value: name === "remix" ? job.promptEn : "" };
  const of = {
    upscale: [{ name: "kind", label: t("button.upscale"), kind: "pick", value: "subtle", choices: ["subtle", "creative"].map((kind) => [kind, t(`button.upscale.${kind}`)]) }],
    zoom: [{ name: "scale", label: t("button.zoom"), kind: "pick", value: "1.5", choices: [["1.5", "1.5 ×"], ["2", "2 ×"]] }],
    pan: [{ name: "direction", label: t("button.pan"), kind: "pick", value: "left", choices: ["left", "right", "up", "down"].map((way) => [way, t(`button.pan.${way}`)]) }],
    remix: [words],
    region: [words],
  }[name];
  const mask = name === "region" ? paintMask(job, only ?? 0) : null;
  const found = await ask(t(`button.${name}`), [...cell, ...of], t("button.press"), mask);
  if (!found) return;
  const fields = { buttonType: name };
  for (const [field, value] of Object.entries(found)) {
    if (value !== "") fields[field] = field === "cell" || field === "scale" ? Number(value) : value;
  }
  if (mask) fields.mask = mask.png();
  await press(job, fields, did, null);
}
