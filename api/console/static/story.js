// One job as operators see it: what it is, why it waits, what happened, and each callback with its attempts.

import { call, notice } from "./api.js";
import { el, fill, one, said, tell } from "./dom.js";
import { calmly } from "./filters.js";
import { stateOf } from "./job.js";
import { live } from "./live.js";
import { attempt, changeMany, lever } from "./operate.js";
import { here, picturesOf, shortly, small } from "./pictures.js";
import { at, known, number, t } from "./text.js";
import { ago, duration, exactly } from "./when.js";

const { id } = one("#story").dataset;
const LOOK_MS = 5000;

async function change(act) {
  if (await changeMany(`ops/jobs/${act}`, { id }, act)) await load();
}

async function resend(seq = null) {
  const answer = await attempt(() => call("POST", `ops/jobs/${id}/callbacks/resend`, { seq }));
  if (!answer) return;
  notice(t("steer.resend.done", { count: answer.callbacks }), "good");
  await load();
}

function facts(job) {
  const by = (name) => el("a", { href: at(`console/jobs?${new URLSearchParams({ [name]: job[name] })}`) }, said(job[name]));
  const rows = [
    ["filter.client", by("client")],
    ["filter.lane", t(job.fast ? "lane.fast" : "lane.relaxed")],
    ["filter.engine", job.engine ? by("engine") : null],
    ["filter.tag", job.tag ? el("a", { href: at(`console/jobs?${new URLSearchParams({ tag: job.tag })}`) }, said(job.tag, "bdi", { class: "mono" })) : null],
    ["filter.id", said(job.id, "bdi", { class: "mono" })],
    ["story.parent", job.parent ? el("a", { href: at(`console/jobs/${job.parent}`), class: "mono" }, job.parent) : null],
    ["story.accepted", [ago(job.createdAt), " · ", exactly(job.createdAt)]],
    ["story.took", job.finishedAt ? duration((new Date(job.finishedAt) - new Date(job.createdAt)) / 1000) : null],
    ["story.position", job.position],
    ["story.submitted", job.submitted ? number(job.submitted) : null],
    ["story.lost", job.workersLost ? number(job.workersLost) : null],
    ["jobs.prompt", said(job.promptEn || job.prompt)],
    ["story.original", job.prompt && job.promptEn ? said(job.prompt) : null],
    ["story.final", job.finalPrompt && job.finalPrompt !== job.promptEn ? said(job.finalPrompt) : null],
    ["story.extra", job.extra ? said(job.extra) : null],
    ["filter.reason", job.reasonCode ? [said(job.reasonCode, "code"), " ", said(job.reason)] : null],
  ];
  return rows.filter(([, shown]) => shown).map(([key, shown]) => [el("dt", {}, t(key)), el("dd", {}, shown)]);
}

function pictures(job) {
  const cells = picturesOf(job);
  const shown = cells.length ? cells : job.url ? [{ url: job.url }] : [];
  return shown.map(({ url }, place) =>
    el(
      "a",
      { href: here(url), target: "_blank", rel: "noopener" },
      el("img", { src: small(url), alt: t("job.picture", { cell: place + 1, prompt: shortly(job.promptEn) }), loading: "lazy" }),
    ),
  );
}

function moment({ at: when, afterS, what, about }) {
  return el(
    "li",
    {},
    el("span", { class: "numbers soft", title: exactly(when) }, `+${duration(afterS)}`),
    el("b", {}, said(known(`state.${what}`) ? t(`state.${what}`) : what)),
    about ? said(about, "span", { class: "soft" }) : null,
  );
}

function event(one) {
  const state = t(`event.${one.state}`);
  const kind = one.state === "delivered" ? "good" : one.state === "dead" ? "bad" : one.state === "dropped" ? "" : "warn";
  const status = one.status === null ? null : ` · ${t(`status.${one.status}`)}`;
  const again = one.state === "dead" ? lever(t("letters.resend"), () => resend(one.seq)) : null;
  return el(
    "li",
    { class: "event" },
    el(
      "div",
      { class: "head" },
      el("b", {}, t("letters.seq", { seq: one.seq }), status),
      el("span", { class: "chip", data: { kind } }, state),
      one.why ? said(known(`why.${one.why}`) ? t(`why.${one.why}`) : one.why, "span", { class: "why" }) : null,
      again,
    ),
    el("ol", { class: "attempts" }, one.attempts.map(attempted)),
  );
}

function attempted(one) {
  const outcome = one.status ?? one.error ?? "?";
  return el(
    "li",
    {},
    el("span", { class: "numbers" }, t("story.attempt", { attempt: one.attempt })),
    " ",
    ago(one.at),
    " · ",
    said(String(outcome), "b", { class: one.error ? "bad" : "" }),
    ` · ${number(one.ms, { style: "unit", unit: "millisecond", unitDisplay: "short" })}`,
    one.resent ? ` · ${t("story.resent")}` : "",
    one.nextTryAt ? [" · ", t("story.next"), " ", ago(one.nextTryAt)] : null,
    one.location ? said(one.location, "pre") : null,
    one.answer ? said(one.answer, "pre") : null,
  );
}

let offered = null;

function offer(job) {
  const dead = job.callbacks.data.some((one) => one.state === "dead");
  const key = `${job.status} ${dead}`;
  if (offered === key) return;
  offered = key;
  fill(
    one("#acts"),
    job.status === -2 ? lever(t("steer.front.row"), () => change("front")) : null,
    job.status <= 0 ? lever(t("steer.cancel.row"), () => change("cancel"), { class: "small danger" }) : null,
    job.status === 2 ? lever(t("steer.again.row"), () => change("again")) : null,
    dead ? lever(t("story.resend"), () => resend()) : null,
  );
}

async function load() {
  const job = await attempt(() => call("GET", `ops/jobs/${id}`));
  one("#loading").hidden = true;
  if (!job) return;
  const state = one("#state");
  state.dataset.status = job.status;
  state.hidden = false;
  tell(state, job.status === 0 ? `${stateOf(job)} ${number(job.progress / 100, { style: "percent" })}` : stateOf(job));
  const text = JSON.stringify(job);
  offer(job);
  if (text === load.text) return;
  load.text = text;
  fill(one("#facts"), facts(job));
  fill(one("#pictures"), pictures(job));
  fill(one("#why"), job.whyItWaits.map((reason) => said(reason, "li")));
  one("#waits").hidden = !job.whyItWaits.length;
  fill(one("#timeline"), job.timeline.map(moment));
  fill(one("#events"), job.callbacks.data.map(event));
  one("#no-events").hidden = job.callbacks.data.length > 0;
  one("#story").hidden = false;
}

/** Attempts are no news of the job: while some are to come, they are looked for. */
setInterval(() => one('.event [data-kind="warn"]') && !document.hidden && soon(), LOOK_MS);

const soon = calmly(load);
live({ snapshot: soon, letters: soon, moved: ({ jobs, ids }) => (ids.includes(id) || jobs > ids.length) && soon() });
