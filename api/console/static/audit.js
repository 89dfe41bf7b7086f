// The audit trail: who changed what, newest first.

import { call } from "./api.js";
import { el, fill, one, said, tell } from "./dom.js";
import { calmly } from "./filters.js";
import { live } from "./live.js";
import { attempt } from "./operate.js";
import { at, t } from "./text.js";
import { ago } from "./when.js";

const MOST = 1000;
const more = one("#more");
const body = one("#audit");
let limit = 100;

function row({ at: moment, who, what, changes }) {
  const [subject, ...rest] = what.split(" ");
  const name = rest.join(" ");
  const job = subject === "job" && /^[0-9a-f]{32}$/.test(name);
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, ago(moment)),
    el("td", { data: { column: t("audit.who") } }, said(who)),
    el("td", { data: { column: t("audit.what") } }, job ? el("a", { href: at(`console/jobs/${name}`) }, said(what)) : said(what)),
    el(
      "td",
      { data: { column: t("audit.change") } },
      el(
        "ul",
        { class: "changes" },
        changes.map(({ field, before, after }) =>
          el("li", {}, said(field, "b"), ": ", before === null ? null : [said(before, "s"), " → "], after === null ? t("audit.none") : said(after)),
        ),
      ),
    ),
  );
}

async function load() {
  const page = await attempt(() => call("GET", `ops/audit?limit=${limit}`));
  if (!page) return;
  fill(body, page.data.map(row));
  one("#table").hidden = !page.data.length;
  tell(one("#told"), page.data.length ? t("audit.newest", { count: page.data.length }) : t("audit.empty"));
  more.hidden = page.data.length < limit || limit >= MOST;
}

const soon = calmly(load);
more.addEventListener("click", async () => {
  limit = Math.min(MOST, 2 * limit);
  await load();
});
live({ snapshot: soon, noted: soon });
