// Dead letters: callbacks that were given up, by filter, to be sent again.

import { call, notice, Refused } from "./api.js";
import { el, one, said, tell } from "./dom.js";
import { calmly, Filters } from "./filters.js";
import { live } from "./live.js";
import { attempt, changeMany, lever, maySteer, sentence } from "./operate.js";
import { Rows } from "./rows.js";
import { at, known, t } from "./text.js";
import { ago } from "./when.js";

const LIMIT = 200;
const list = new Rows(one("#letters"), (letter) => letter.id, (letter) => new LetterRow(letter));

class LetterRow {
  constructor(letter) {
    const resend = lever(t("letters.resend"), () => again(letter), {
      "aria-label": t("letters.resend.label", { seq: letter.seq, job: letter.job }),
    });
    this.node = el(
      "tr",
      { data: { id: letter.id } },
      el("th", { scope: "row" }, el("a", { href: at(`console/jobs/${letter.job}`), class: "mono" }, letter.job.slice(0, 8), "…")),
      cell("filter.client", said(letter.client ?? "–")),
      cell("letters.event", el("span", {}, t("letters.seq", { seq: letter.seq }), " · ", said(word(letter.what)))),
      cell("letters.happened", ago(letter.at)),
      cell("letters.given_up", ago(letter.givenUpAt)),
      cell("filter.why", said(whyOf(letter.why))),
      maySteer ? el("td", { class: "acts" }, resend) : null,
    );
  }

  update() {}
}

function cell(key, ...children) {
  return el("td", { data: { column: t(key) } }, children);
}

const word = (what) => (known(`state.${what}`) ? t(`state.${what}`) : what);
const whyOf = (why) => (known(`why.${why}`) ? t(`why.${why}`) : why);

async function again({ job, seq }) {
  const answer = await attempt(() => call("POST", `ops/jobs/${job}/callbacks/resend`, { seq }));
  if (!answer) return;
  notice(t("steer.resend.done", { count: answer.callbacks }), "good");
  await load();
}

async function load() {
  const asked = filters.read();
  const query = new URLSearchParams({ ...asked, limit: LIMIT });
  let page;
  try {
    page = await call("GET", `ops/dead-letters?${query}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    notice(sentence(error));
    return;
  }
  if (JSON.stringify(asked) !== JSON.stringify(filters.read())) return;
  const { data } = page;
  list.show(data);
  one("#table").hidden = !data.length;
  tell(one("#told"), data.length ? t(data.length < LIMIT ? "letters.all" : "letters.newest", { count: data.length }) : t("letters.none"));
}

function offer() {
  const any = Object.keys(filters.read()).length > 0;
  const button = one("#many-resend");
  if (button) button.disabled = !any;
  const hint = one("#many-hint");
  if (hint) hint.hidden = any;
}

const soon = calmly(load);
const filters = new Filters(one("#filters"), () => {
  offer();
  load();
});
one("#many-resend")?.addEventListener("click", async () => {
  if (await changeMany("ops/dead-letters/resend", filters.read(), "resend")) await load();
});
offer();
live({ snapshot: soon, letters: soon });
