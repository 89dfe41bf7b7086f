// The overview: lanes, engines, clients, callbacks and workers on one screen, as the page's stream tells them.

import { call } from "./api.js";
import { el, fill, one, said, tell } from "./dom.js";
import { ask } from "./ask.js";
import { live } from "./live.js";
import { attempt, changeLimits, lever, maySteer } from "./operate.js";
import { Rows } from "./rows.js";
import { drawSpark, perMinute, spark } from "./spark.js";
import { at, number, t } from "./text.js";
import { duration } from "./when.js";

const OUT = ["down", "refused", "failing"];
/** The last hour of each lane: told only when it has changed. */
const hours = new Map();

// -- levers ---------------------------------------------------------------------------------------

const path = (subject, name, act) => `ops/${subject}/${encodeURIComponent(name)}/${act}`;

/** Change something, and show at once what has become of it. */
async function pull(subject, name, act) {
  if (await attempt(() => call("POST", path(subject, name, act)))) await look();
}

async function look() {
  const now = await attempt(() => call("GET", "ops/overview"));
  if (now) show(now);
}

/** Ask once, with how many jobs it meets, and halt. */
async function halt(subject, item, act) {
  const { name, waiting = 0, running = 0 } = item;
  const title = t(`steer.${act}.ask`, { name });
  const text = t(`steer.${act}.meets`, { waiting: t("count.waiting", { count: waiting }), running: t("count.running", { count: running }) });
  if (await ask(title, [], t(`steer.${act}.go`), null, { danger: true, text })) await pull(subject, name, act);
}

/** The levers of something that can be halted: they change with its state, and the focus stays on them. */
function halts(subject, drains = false) {
  const label = (act, name) => ({ "aria-label": t(`steer.${act}.label`, { name }) });
  return {
    node: el("span", { class: "levers" }),
    update(item, halted, running) {
      const state = `${halted ?? ""} ${item.name}`;
      this.item = { ...item, running };
      if (!maySteer || this.state === state) return;
      this.state = state;
      const focused = this.node.contains(document.activeElement);
      fill(
        this.node,
        halted ? null : lever(t("steer.pause.go"), () => halt(subject, this.item, "pause"), label("pause", item.name)),
        halted || !drains ? null : lever(t("steer.drain.go"), () => halt(subject, this.item, "drain"), label("drain", item.name)),
        halted ? lever(t("steer.resume"), () => pull(subject, item.name, "resume"), label("resume", item.name)) : null,
      );
      if (focused) one("button", this.node)?.focus();
    },
  };
}

// -- parts ----------------------------------------------------------------------------------------

/** How much of something is in use: a bar, and the same in numbers. */
function use() {
  const bar = el("i");
  const text = el("span", { class: "numbers" });
  return {
    node: el("span", { class: "use" }, el("span", { class: "bar", "aria-hidden": "true" }, bar), text),
    update(busy, most, words) {
      bar.style.width = `${Math.min(100, most ? (100 * busy) / most : 0)}%`;
      bar.dataset.full = most > 0 && busy >= most;
      tell(text, words);
    },
  };
}

const slots = (lane) => t("overview.slots", { busy: lane.busy, slots: lane.slots });

function chip(node, word, kind) {
  node.dataset.kind = kind;
  node.hidden = !word;
  tell(node, word ?? "");
}

/** Tell a text that others wrote, or hide its place. */
function tellSaid(node, text) {
  node.hidden = !text;
  tell(node, text ?? "");
}

// -- lanes ----------------------------------------------------------------------------------------

class LaneCard {
  constructor({ name }) {
    this.state = el("span", { class: "chip" });
    this.levers = halts("lane");
    this.depth = el("a", { class: "depth numbers", href: at(`console/jobs?lane=${name}&status=waiting`) });
    this.oldest = el("dd", { class: "numbers" });
    this.rate = el("dd", { class: "numbers" });
    this.workers = el("dd", { class: "numbers" });
    this.use = use();
    this.spark = spark();
    this.most = el("figcaption", { class: "numbers" });
    this.node = el(
      "section",
      { class: "card lane", "aria-labelledby": `lane-${name}`, data: { lane: name } },
      el("div", { class: "head" }, el("h2", { id: `lane-${name}` }, t("overview.lane", { lane: t(`lane.${name}`) })), this.state, this.levers.node),
      el(
        "div",
        { class: "body" },
        el("p", { class: "big" }, this.depth, el("span", { class: "soft" }, t("overview.waiting"))),
        el(
          "dl",
          { class: "facts" },
          el("dt", {}, t("overview.oldest")), this.oldest,
          el("dt", {}, t("overview.rate")), this.rate,
          el("dt", {}, t("overview.in_use")), el("dd", {}, this.use.node),
          el("dt", {}, t("overview.workers")), this.workers,
        ),
      ),
      el("figure", {}, this.spark, this.most),
    );
  }

  update(lane) {
    if (lane.lastHour) hours.set(lane.name, lane.lastHour);
    const stands = lane.stalledS >= 15 ? t("overview.stalled", { time: duration(lane.stalledS) }) : null;
    chip(this.state, lane.halt ? t(`halt.${lane.halt}`) : stands, lane.halt ? "halted" : "bad");
    this.levers.update(lane, lane.halt, lane.busy);
    tell(this.depth, number(lane.waiting));
    tell(this.oldest, lane.waiting ? duration(lane.oldestS) : "–");
    tell(this.rate, lane.startsPerMin === null ? "–" : perMinute(lane.startsPerMin));
    this.use.update(lane.busy, lane.slots, slots(lane));
    tell(this.workers, number(lane.workers));
    this.workers.classList.toggle("bad", !lane.workers);
    const most = drawSpark(this.spark, hours.get(lane.name) ?? [], lane.waiting);
    tell(this.most, t("overview.hour", { most }));
  }
}

// -- engines --------------------------------------------------------------------------------------

class EngineRow {
  constructor({ name, driver }) {
    this.state = el("span", { class: "chip" });
    this.why = said("", "span", { class: "why" });
    this.fast = use();
    this.relaxed = use();
    this.failed = el("a", { class: "numbers", href: at(`console/jobs?status=failed&since=1h&engine=${encodeURIComponent(name)}`) });
    this.levers = halts("engine", true);
    this.trial = lever(t("steer.trial"), () => pull("engine", name, "retry"), { "aria-label": t("steer.trial.label", { name }) });
    const change = lever(t("steer.limits"), () => this.limits(), { "aria-label": t("steer.limits.label", { name }) });
    this.node = el(
      "tr",
      { data: { engine: name } },
      el("th", { scope: "row" }, said(name), el("span", { class: "soft small" }, said(driver))),
      cell("overview.state", this.state, this.why),
      cell("lane.fast", this.fast.node),
      cell("lane.relaxed", this.relaxed.node),
      cell("overview.failed", this.failed),
      maySteer ? el("td", { class: "acts" }, this.trial, this.levers.node, change) : null,
    );
  }

  update(engine) {
    this.engine = engine;
    const { state, halt: halted, fast, relaxed } = engine;
    const word = halted ? t(`halt.${halted}`) : t(`engine.${state ?? "gone"}`);
    chip(this.state, word, halted ? "halted" : state === "ok" ? "good" : state === "busy" ? "warn" : "bad");
    const rests = engine.pausedS > 0 ? t("overview.rests", { time: duration(engine.pausedS) }) : null;
    tellSaid(this.why, [engine.why, rests].filter(Boolean).join(" · "));
    this.fast.update(fast.busy, fast.slots, slots(fast));
    this.relaxed.update(relaxed.busy, relaxed.slots, slots(relaxed));
    tell(this.failed, number(engine.failedLastHour));
    this.failed.classList.toggle("bad", engine.failedLastHour > 0);
    this.levers.update(engine, halted, fast.busy + relaxed.busy);
    if (this.trial) this.trial.hidden = !OUT.includes(state);
  }

  async limits() {
    const { name, fast, relaxed, weight } = this.engine;
    const changed = await changeLimits(`ops/engine/${encodeURIComponent(name)}`, t("steer.limits.title", { name }), t("steer.limits.engine"), [
      { name: "fastSlots", label: t("limit.fastSlots"), value: fast.slots },
      { name: "fastGapS", label: t("limit.fastGapS"), value: fast.gapS },
      { name: "relaxedSlots", label: t("limit.relaxedSlots"), value: relaxed.slots },
      { name: "relaxedGapS", label: t("limit.relaxedGapS"), value: relaxed.gapS },
      { name: "weight", label: t("limit.weight"), value: weight },
    ]);
    if (changed) await look();
  }
}

/** A cell that says of itself, where the table is narrow, what column it is of. */
function cell(key, ...children) {
  return el("td", { data: { column: t(key) } }, children);
}

// -- clients --------------------------------------------------------------------------------------

class ClientRow {
  constructor({ name }) {
    this.state = el("span", { class: "chip" });
    this.share = el("span", { class: "numbers" });
    this.taken = use();
    this.running = el("span", { class: "numbers" });
    this.waiting = el("a", { class: "numbers", href: at(`console/jobs?status=waiting&client=${encodeURIComponent(name)}`) });
    this.levers = halts("client");
    const change = lever(t("steer.limits"), () => this.limits(), { "aria-label": t("steer.limits.label", { name }) });
    this.node = el(
      "tr",
      { data: { client: name } },
      el("th", { scope: "row" }, el("a", { href: at(`console/jobs?client=${encodeURIComponent(name)}`) }, said(name)), this.state),
      cell("overview.share", this.share),
      cell("overview.taken", this.taken.node),
      cell("overview.running", this.running),
      cell("overview.client_waiting", this.waiting),
      maySteer ? el("td", { class: "acts" }, this.levers.node, change) : null,
    );
  }

  update(client) {
    this.client = client;
    const { paused, disabled, taken } = client;
    chip(this.state, disabled ? t("client.disabled") : paused ? t("halt.paused") : null, "halted");
    tell(this.share, number(client.share));
    this.taken.update(taken ?? 0, 1, taken === null ? "–" : number(taken, { style: "percent" }));
    tell(this.running, capped(client.running, client.inFlight));
    tell(this.waiting, capped(client.waiting, client.waitingCap));
    this.levers.update(client, paused ? "paused" : null, client.running);
  }

  async limits() {
    const { name, share, inFlight, waitingCap } = this.client;
    const changed = await changeLimits(`ops/client/${encodeURIComponent(name)}`, t("steer.limits.title", { name }), t("steer.limits.client"), [
      { name: "share", label: t("limit.share"), value: share },
      { name: "inFlight", label: t("limit.inFlight"), value: inFlight },
      { name: "waitingCap", label: t("limit.waitingCap"), value: waitingCap },
    ]);
    if (changed) await look();
  }
}

const capped = (count, most) => (most === null ? number(count) : `${number(count)} / ${number(most)}`);

// -- the rest -------------------------------------------------------------------------------------

class WorkerRow {
  constructor({ name }) {
    this.about = el("span", { class: "soft small" });
    this.node = el("li", { data: { worker: name } }, said(name), this.about);
  }

  update({ lanes, engines }) {
    tell(this.about, [...lanes.map((lane) => t(`lane.${lane}`)), ...engines].join(" · "));
  }
}

function tellCallbacks({ waiting, lateS, deadLetterJobs }) {
  tell(one("#pending"), t("jobs.all", { count: waiting }));
  tell(one("#lag"), lateS ? duration(lateS) : t("overview.no_lag"));
  one("#lag").classList.toggle("bad", lateS > 30);
  tell(one("#dead"), t("jobs.all", { count: deadLetterJobs }));
  one("#dead").classList.toggle("bad", deadLetterJobs > 0);
}

const byName = (a, b) => (a.name < b.name ? -1 : 1);
const lanes = new Rows(one("#lanes"), (lane) => lane.name, (lane) => new LaneCard(lane));
const engines = new Rows(one("#engines"), (engine) => engine.name, (engine) => new EngineRow(engine));
const clients = new Rows(one("#clients"), (client) => client.name, (client) => new ClientRow(client));
const workers = new Rows(one("#workers"), (worker) => worker.name, (worker) => new WorkerRow(worker));
const warnings = new Rows(one("#warnings"), (text) => text, (text) => ({ node: said(text, "li"), update() {} }));

function show(told) {
  one("#loading").hidden = true;
  one("#overview").hidden = false;
  lanes.show(told.lanes);
  engines.show([...told.engines].sort(byName));
  clients.show(told.clients);
  workers.show(told.workers);
  warnings.show(told.warnings);
  one("#warnings").hidden = !told.warnings.length;
  tellCallbacks(told.callbacks);
  one("#no-engines").hidden = told.engines.length > 0;
  one("#no-clients").hidden = told.clients.length > 0;
  one("#no-workers").hidden = told.workers.length > 0;
  const more = told.clientsWithJobs - told.clients.length;
  tell(one("#more-clients"), more > 0 ? t("overview.more_clients", { count: more }) : "");
}

live({ snapshot: ({ overview }) => show(overview), overview: show }, { show: "overview" });
