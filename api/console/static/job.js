// A job as a card that keeps itself up to date, and what its parts share with other pages.

import { el, fill, one, said, tell } from "./dom.js";
import { at, known, number, t } from "./text.js";
import { ago, duration } from "./when.js";
import { here, picturesOf, shortly, small } from "./pictures.js";
import { buttons } from "./press.js";
import { view } from "./view.js";

/** Return the word for a job's state. */
export function stateOf(job) {
  return t(job.reasonCode === "cancelled" ? "status.cancelled" : `status.${job.status}`);
}

/** Return what a job is called: its prompt, or what it does without one. */
export function nameOf(job) {
  return job.promptEn || job.prompt || t(`job.operation.${job.drawType === "blend" ? "blend" : "describe"}`);
}

/** One job on the page. `actions`: see acts.js; `alone`: the page is about this job, which has the rest elsewhere. */
export class JobCard {
  constructor(job, actions, { alone = false } = {}) {
    this.actions = actions;
    this.alone = alone;
    const title = `job-${job.id}`;
    this.state = el("span", { class: "state" });
    this.meta = el("p", { class: "meta numbers" });
    this.prompt = said("", alone ? "h1" : "h3", { class: "prompt", id: title });
    this.place = el("p", { class: "place numbers" });
    this.bar = el("progress", { max: 100, "aria-labelledby": title });
    this.figure = el("div", { class: "picture" });
    this.reason = el("p", { class: "wrong" });
    this.more = el("div", { class: "more" });
    this.acts = el("div", { class: "acts" });
    this.node = el(
      "article",
      { class: "job card", "aria-labelledby": title, data: { id: job.id } },
      this.figure,
      el(
        "div",
        { class: "about" },
        el("div", { class: "head" }, this.state, this.meta),
        this.prompt,
        this.place,
        this.bar,
        this.reason,
        this.more,
        this.acts,
      ),
    );
    this.update(job);
  }

  update(job) {
    const before = this.job;
    this.job = job;
    const ended = job.status > 0;
    this.node.dataset.status = job.status;
    this.state.dataset.status = job.status;
    tell(this.state, stateOf(job));
    tell(this.prompt, nameOf(job));
    this.prompt.title = job.promptEn;
    this.reason.hidden = !job.reason || job.reasonCode === "cancelled";
    tell(this.reason, job.reason ?? "");
    this.place.hidden = job.status !== -2;
    tell(this.place, job.status === -2 ? placeOf(job) : "");
    this.bar.hidden = job.status !== 0 && job.status !== -1;
    if (job.status === -1) this.bar.removeAttribute("value");
    else this.bar.value = job.progress;
    tellMeta(this.meta, job);
    if (!before || pictureKey(before) !== pictureKey(job)) this.paint(job);
    if (!before || actsKey(before) !== actsKey(job)) this.offer(job, ended);
    if (!before || before.status !== job.status) this.tellMore(job);
  }

  paint(job) {
    const cells = picturesOf(job);
    const label = shortly(job.promptEn);
    const [width, height] = job.ar.split(":").map(Number);
    this.figure.style.aspectRatio = `${width} / ${height}`;
    this.figure.classList.toggle("empty", !job.url);
    this.figure.dataset.cells = cells.length;
    if (!cells.length) {
      // The preview that is there stays until the next one has come.
      const shown = one("img", this.figure);
      if (!job.url) fill(this.figure);
      else if (shown && shown.dataset.grows) shown.src = here(job.url);
      else fill(this.figure, el("img", { src: here(job.url), alt: t("job.preview", { prompt: label }), data: { grows: 1 } }));
      return;
    }
    fill(
      this.figure,
      cells.map((cell, place) =>
        el(
          "button",
          {
            type: "button",
            class: "cell",
            "aria-label": t("job.enlarge", { cell: place + 1 }),
            onclick: () => view(this.job, place, this.actions),
          },
          el("img", {
            src: small(cell.url),
            alt: t("job.picture", { cell: place + 1, prompt: label }),
            width: cell.width,
            height: cell.height,
            loading: "lazy",
          }),
        ),
      ),
    );
  }

  offer(job, ended) {
    const focused = this.acts.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    fill(
      this.acts,
      job.status === 1 ? buttons(job, this.actions) : null,
      el(
        "div",
        { class: "row" },
        ended ? null : act("cancel", t("job.cancel"), () => this.actions.cancel(job)),
        job.status === 2 ? act("retry", t("job.submit_again"), () => this.actions.retry(job)) : null,
        ended ? el("a", { class: "button quiet small", href: at(`console/draw?from=${job.id}`) }, t("job.again")) : null,
        this.alone ? null : el("a", { class: "button quiet small", href: at(`console/gallery/${job.id}`) }, t("job.details")),
      ),
    );
    if (focused) one(`[data-act="${CSS.escape(focused)}"]`, this.acts)?.focus();
  }

  tellMore(job) {
    const levels = Object.entries(job.applied ?? {});
    const prompts = job.prompts ?? [];
    fill(
      this.more,
      prompts.length ? el("ol", { class: "prompts" }, prompts.map((text) => said(text, "li"))) : null,
      job.status === 1 && levels.length && !this.alone
        ? el(
            "details",
            {},
            el("summary", {}, t("job.applied")),
            el(
              "ul",
              { class: "applied" },
              levels.map(([name, level]) =>
                el(
                  "li",
                  { data: { level } },
                  el("span", {}, known(`param.${name}`) ? t(`param.${name}`) : name),
                  " ",
                  el("b", {}, t(`job.level.${level}`)),
                ),
              ),
            ),
          )
        : null,
    );
  }
}

function act(name, label, onclick) {
  return el("button", { type: "button", class: "small", data: { act: name }, onclick }, label);
}

function placeOf(job) {
  const lane = t(job.fast ? "lane.fast" : "lane.relaxed");
  if (job.waitsFor) {
    const key = `job.waits_for.${job.waitsFor}`;
    return t("job.waits_for", { what: known(key) ? t(key) : job.waitsFor });
  }
  const parts = [];
  if (job.position === 1) parts.push(t("job.next", { lane }));
  else if (job.position) parts.push(t("job.position", { position: job.position, lane }));
  if (job.ahead) parts.push(t("job.ahead", { count: job.ahead }));
  if (job.startsInS) parts.push(t("job.starts", { time: duration(job.startsInS) }));
  return parts.join(" · ");
}

function tellMeta(node, job) {
  const parts = [
    ago(job.createdAt),
    t("job.lane", { lane: t(job.fast ? "lane.fast" : "lane.relaxed") }),
    job.drawType === "draw" ? null : t("job.of", { button: job.drawType.toUpperCase() }),
    job.engine ? said(t("job.by", { engine: job.engine })) : null,
    job.status === 0 ? number(job.progress / 100, { style: "percent" }) : null,
    job.status === 1 && job.startedAt
      ? t("job.took", { time: duration((new Date(job.finishedAt) - new Date(job.startedAt)) / 1000) })
      : null,
  ].filter(Boolean);
  fill(node, parts.flatMap((part, place) => (place ? [" · ", part] : [part])));
}

const pictureKey = (job) => `${job.status > 0} ${job.url} ${job.images.length}`;
const actsKey = (job) => `${job.status} ${job.buttons.join()} ${job.u1}${job.u2}${job.u3}${job.u4}`;
