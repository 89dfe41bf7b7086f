// A job's callbacks: each event with every attempt at it, and how to have it sent again.

import { attempt } from "./acts.js";
import { call, notice } from "./api.js";
import { el, fill, one, said, tell } from "./dom.js";
import { known, number, t } from "./text.js";
import { ago, exactly } from "./when.js";

/** The mark of an event's state, in the colours of a job's. */
const MARKS = { pending: -2, resending: -1, delivered: 1, dead: 2 };

export class Callbacks {
  constructor(job) {
    this.job = job;
    this.list = one("#events");
    this.acts = one("#callbacks-acts");
    this.again = resending("", () => this.resend({}));
    this.again.hidden = true;
    this.acts.prepend(this.again);
    const test = one("#test");
    test.addEventListener("click", () => this.test());
    test.disabled = false;
    /** seq → { node, summary, body, text: what is shown } */
    this.events = new Map();
  }

  /** Show them as they are now; what is open stays open. */
  show({ data, nextTryAt }) {
    one("#callbacks-none").hidden = data.length > 0;
    const next = one("#callbacks-next");
    next.hidden = !nextTryAt;
    fill(next, nextTryAt ? [t("callbacks.next"), " ", el("time", { datetime: nextTryAt }, exactly(nextTryAt))] : null);
    const there = new Set(data.map(({ seq }) => seq));
    for (const [seq, { node }] of this.events) {
      if (there.has(seq)) continue;
      node.remove();
      this.events.delete(seq);
    }
    for (const event of data) this.draw(event);
    this.offer(data);
  }

  draw(event) {
    const text = JSON.stringify(event);
    let shown = this.events.get(event.seq);
    if (!shown) {
      const summary = el("summary");
      const body = el("div", { class: "attempts" });
      shown = { node: el("li", { data: { seq: event.seq } }, el("details", {}, summary, body)), summary, body };
      const after = [...this.list.children].find((node) => Number(node.dataset.seq) > event.seq);
      this.list.insertBefore(shown.node, after ?? null);
      this.events.set(event.seq, shown);
    }
    if (shown.text === text) return;
    shown.text = text;
    const { state, status, attempts } = event;
    fill(
      shown.summary,
      el("span", { class: "seq numbers" }, `#${event.seq}`),
      el("span", { class: "what" }, status === null ? t(`callbacks.kind.${event.kind}`) : t(`status.${status}`)),
      el("span", { class: "state", data: { status: MARKS[state] ?? "" } }, t(`callbacks.state.${state}`)),
      el("span", { class: "soft" }, t("callbacks.attempts", { count: attempts.length })),
    );
    const focused = shown.body.contains(document.activeElement);
    fill(
      shown.body,
      event.why ? el("p", {}, whyOf(event.why)) : null,
      el("ol", {}, attempts.map((tried) => attemptOf(tried))),
      el("p", { class: "meta" }, el("code", {}, said(event.id)), event.at ? [" · ", ago(event.at)] : null),
      state === "dead" ? resending(t("callbacks.resend_one"), () => this.resend({ seq: event.seq })) : null,
    );
    if (focused) shown.summary.focus();
  }

  offer(data) {
    const dead = data.filter(({ state }) => state === "dead").length;
    const ended = data.some(({ kind }) => kind === "terminal");
    this.again.hidden = !dead && !ended;
    tell(this.again, dead ? t("callbacks.resend_dead", { count: dead }) : t("callbacks.resend_end"));
  }

  async test() {
    const button = one("#test");
    button.disabled = true;
    tell(button, t("callbacks.testing"));
    const made = await attempt(() => call("POST", `draw/midjourney/jobs/${this.job}/callbacks/test`));
    button.disabled = false;
    tell(button, t("callbacks.test"));
    if (!made) return;
    const key = made.delivered ? "accepted" : made.error === "no_worker" ? "no_worker" : "refused";
    fill(
      one("#tested"),
      el("p", { class: `notice ${made.delivered ? "good" : "bad"}` }, t(`callbacks.${key}`)),
      made.error === "no_worker" ? null : attemptOf({ ...made, at: new Date().toISOString() }, "div"),
    );
  }

  async resend(body) {
    const made = await attempt(() => call("POST", `draw/midjourney/jobs/${this.job}/callbacks/resend`, body));
    if (!made) return;
    notice(t(made.data ? "callbacks.resent" : "callbacks.nothing", { count: made.data }), made.data ? "good" : "bad");
    // The stream tells the rest, but not as soon as whoever pressed looks for it.
    const now = await attempt(() => call("GET", `draw/midjourney/jobs/${this.job}/callbacks`));
    if (now) this.show(now);
  }
}

function resending(label, act) {
  const node = el(
    "button",
    {
      type: "button",
      class: "small",
      async onclick() {
        node.disabled = true;
        await act();
        node.disabled = false;
      },
    },
    label,
  );
  return node;
}

function whyOf(why) {
  return known(`callbacks.why.${why}`) ? t(`callbacks.why.${why}`) : said(why);
}

function attemptOf(tried, tag = "li") {
  const facts = [
    el("time", { datetime: tried.at }, exactly(tried.at)),
    tried.status === null ? said(tried.error) : t("callbacks.status", { status: String(tried.status) }),
    tried.ms === null ? null : t("callbacks.took", { ms: number(tried.ms, { style: "unit", unit: "millisecond" }) }),
    tried.resent ? t("callbacks.by_hand") : null,
  ].filter(Boolean);
  return el(
    tag,
    { value: tried.attempt },
    el("span", { class: "numbers" }, facts.flatMap((fact, place) => (place ? [" · ", fact] : [fact]))),
    tried.location ? el("p", { class: "meta" }, t("callbacks.location"), " ", said(tried.location)) : null,
    tried.answer ? said(tried.answer, "pre", { tabindex: 0, "aria-label": t("callbacks.answer"), role: "group" }) : null,
    tried.nextTryAt ? el("p", { class: "meta" }, t("callbacks.next"), " ", el("time", { datetime: tried.nextTryAt }, exactly(tried.nextTryAt))) : null,
  );
}
