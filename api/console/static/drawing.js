// The page of one job: its pictures, what was asked for and what became of it, when, and whom it was told.

import { actionsOf } from "./acts.js";
import { Callbacks } from "./callbacks.js";
import { el, fill, one, said, tell } from "./dom.js";
import { JobCard, nameOf, stateOf } from "./job.js";
import { live } from "./live.js";
import { shortly } from "./pictures.js";
import { at, known, number, t } from "./text.js";
import { duration, exactly } from "./when.js";

const page = one("#one");
const { job: id } = page.dataset;
const asked = JSON.parse(page.dataset.asked);
const callbacks = new Callbacks(id);
const actions = actionsOf((made) => location.assign(at(`console/gallery/${made.id}`)));
let card = null;
let moments = [];

function show(job) {
  const before = card?.job;
  if (card) card.update(job);
  else {
    card = new JobCard(job, actions, { alone: true });
    fill(one("#card"), card.node);
  }
  document.title = `${shortly(nameOf(job))} · Limner`;
  if (before && before.status !== job.status) tell(one("#told"), `${stateOf(job)}: ${shortly(nameOf(job))}`);
  if (before && JSON.stringify(before) === JSON.stringify(job)) return;
  parameters(job);
  facts(job);
  timeline();
}

function parameters(job) {
  const applied = job.applied ?? {};
  const names = asked.map(({ name }) => name);
  const rows = [...asked, ...Object.keys(applied).filter((name) => !names.includes(name)).map((name) => ({ name, kind: "text", value: "" }))];
  if (!rows.length) return fill(one("#asked"), el("p", { class: "soft" }, t("drawing.no_parameters")));
  const head = ["drawing.parameter", "drawing.asked", "drawing.applied"];
  const body = rows.map(({ name, kind, value }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, known(`param.${name}`) ? t(`param.${name}`) : name),
      el("td", {}, said(valueOf(kind, value))),
      el("td", { data: { level: applied[name] ?? "" } }, applied[name] ? t(`job.level.${applied[name]}`) : "–"),
    ),
  );
  fill(
    one("#asked"),
    el(
      "table",
      { class: "applied" },
      el("thead", {}, el("tr", {}, head.map((key) => el("th", { scope: "col" }, t(key))))),
      el("tbody", {}, body),
    ),
  );
}

function valueOf(kind, value) {
  if (kind === "yes") return t(value ? "drawing.yes" : "drawing.no");
  if (kind === "several") return value.map((status) => t(`status.${status}`)).join(", ");
  if (kind === "pictures") return t("drawing.pictures", { count: value });
  return String(value);
}

function facts(job) {
  const seeds = (job.seeds ?? []).map(String).join(", ");
  const size = job.width && job.height ? `${number(job.width)} × ${number(job.height)} px` : null;
  const tag = el("a", { href: at(`console/gallery?${new URLSearchParams({ tag: job.tag })}`) }, said(job.tag));
  const notes = Object.entries(job.notes ?? {}).map(([name, note]) => [name, noteOf(note)]).filter(([, note]) => note);
  const rows = [
    ["drawing.id", said(job.id, "code")],
    ["drawing.tag", job.tag ? tag : null],
    ["drawing.final_prompt", job.finalPrompt ? said(job.finalPrompt) : null],
    ["drawing.seeds", seeds ? said(seeds) : null],
    ["drawing.size", size],
    ["drawing.engine", job.engine ? said(job.engine) : null],
    ["drawing.notes", notes.length ? notes.map(([name, note]) => el("div", {}, said(`${name}: ${note}`))) : null],
  ];
  fill(
    one("#facts"),
    rows.filter(([, value]) => value).map(([key, value]) => [el("dt", {}, t(key)), el("dd", {}, value)]),
  );
}

function noteOf(note) {
  if (Array.isArray(note)) return note.map(noteOf).join(", ");
  return typeof note === "object" && note !== null ? JSON.stringify(note) : String(note ?? "");
}

function timeline() {
  if (!card) return;
  const { job } = card;
  fill(
    one("#timeline"),
    moments.map(({ at: when, status, engine }, place) => {
      const last = place === moments.length - 1;
      const word = status === -2 ? t(place ? "drawing.back" : "drawing.accepted") : last && status === job.status ? stateOf(job) : t(`status.${status}`);
      const seconds = place ? (new Date(when) - new Date(moments[place - 1].at)) / 1000 : 0;
      const since = seconds >= 0.1 ? el("span", { class: "soft" }, t("drawing.after", { time: duration(seconds) })) : null;
      return el(
        "li",
        {},
        el("span", { class: "state", data: { status } }, word),
        el("time", { datetime: when }, exactly(when)),
        since,
        status === -1 && engine ? said(t("job.by", { engine }), "bdi", { class: "soft" }) : null,
      );
    }),
  );
}

function tellMoments(found) {
  moments = found;
  timeline();
}

live(
  {
    snapshot(now) {
      show(now.job);
      tellMoments(now.moments);
      callbacks.show(now.callbacks);
    },
    job: show,
    moments: tellMoments,
    callbacks: (now) => callbacks.show(now),
  },
  { job: id },
);
