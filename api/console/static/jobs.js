// The jobs of all clients, by filter; many of them changed at once.

import { call, notice, Refused } from "./api.js";
import { el, fill, one, said, tell } from "./dom.js";
import { calmly, Filters } from "./filters.js";
import { stateOf } from "./job.js";
import { live } from "./live.js";
import { changeMany, lever, maySteer, sentence } from "./operate.js";
import { shortly } from "./pictures.js";
import { Rows } from "./rows.js";
import { at, number, t } from "./text.js";
import { ago } from "./when.js";

const PAGE = 50;
const MOST = 1000;
const more = one("#more");
const list = new Rows(one("#found"), (job) => job.id, (job) => new JobRow(job));
let shown = PAGE;

class JobRow {
  constructor(job) {
    this.state = el("span", { class: "state" });
    this.why = said("", "span", { class: "why" });
    this.engine = said("");
    this.acts = el("td", { class: "acts" });
    this.node = el(
      "tr",
      { data: { id: job.id } },
      el("th", { scope: "row" }, el("a", { href: at(`console/jobs/${job.id}`) }, ago(job.createdAt))),
      cell("jobs.state", this.state, this.why),
      cell("filter.client", said(job.client)),
      cell("filter.lane", t(job.fast ? "lane.fast" : "lane.relaxed")),
      cell("filter.engine", this.engine),
      cell("jobs.prompt", said(shortly(job.promptEn || job.prompt), "span", { class: "words" })),
      maySteer ? this.acts : null,
    );
  }

  update(job) {
    this.state.dataset.status = job.status;
    tell(this.state, job.status === 0 ? `${stateOf(job)} ${number(job.progress / 100, { style: "percent" })}` : stateOf(job));
    tell(this.why, job.reasonCode === "cancelled" ? "" : (job.reasonCode ?? ""));
    this.why.title = job.reason ?? "";
    tell(this.engine, job.engine ?? "–");
    if (this.status === job.status) return;
    this.status = job.status;
    fill(
      this.acts,
      job.status === -2 ? lever(t("steer.front.row"), () => change("front", { id: job.id })) : null,
      job.status <= 0 ? lever(t("steer.cancel.row"), () => change("cancel", { id: job.id })) : null,
      job.status === 2 ? lever(t("steer.again.row"), () => change("again", { id: job.id })) : null,
    );
  }
}

function cell(key, ...children) {
  return el("td", { data: { column: t(key) } }, children);
}

async function change(act, filter) {
  if (await changeMany(`ops/jobs/${act}`, filter, act)) await load();
}

async function load() {
  const asked = filters.read();
  const query = new URLSearchParams({ ...asked, limit: shown });
  let page;
  try {
    page = await call("GET", `ops/jobs?${query}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    notice(sentence(error));
    return;
  }
  if (JSON.stringify(asked) !== JSON.stringify(filters.read())) return;
  list.show(page.data);
  one("#table").hidden = !page.data.length;
  tell(one("#told"), page.data.length ? t(page.cursor ? "jobs.newest" : "jobs.all", { count: page.data.length }) : t("jobs.none"));
  more.hidden = !page.cursor || shown >= MOST;
}

/** Offer what the filter allows: something must be named, and of the right state. */
function offer() {
  const named = filters.read();
  const any = Object.keys(named).length > 0;
  for (const [act, states] of [["front", ["waiting"]], ["cancel", ["waiting", "submitted", "drawing"]], ["again", ["failed"]]]) {
    const button = one(`#many-${act}`);
    if (button) button.disabled = !any || Boolean(named.status && !states.includes(named.status));
  }
  const hint = one("#many-hint");
  if (hint) hint.hidden = any;
}

const soon = calmly(load);
const filters = new Filters(one("#filters"), () => {
  shown = PAGE;
  offer();
  load();
});
for (const act of ["front", "cancel", "again"]) one(`#many-${act}`)?.addEventListener("click", () => change(act, filters.read()));
more.addEventListener("click", async () => {
  shown = Math.min(MOST, 2 * shown);
  await load();
});
offer();
live({ snapshot: soon, moved: soon });
