// The page Gallery: the client's own pictures, newest first, page by page as one scrolls, and what comes meanwhile.

import { attempt } from "./acts.js";
import { call, Refused } from "./api.js";
import { all, el, fill, one, said, tell } from "./dom.js";
import { nameOf, stateOf } from "./job.js";
import { live } from "./live.js";
import { small } from "./pictures.js";
import { at, t } from "./text.js";
import { ago } from "./when.js";

const PAGE_LENGTH = 24;
/** After news of a job that may or may not fit the filters, how long to wait for more before the gateway is asked. */
const SETTLE_MS = 400;

const form = one("#filters");
const list = one("#tiles");
const further = one("#further");
const empty = one("#empty");
/** id → tile */
const tiles = new Map();
let filters = filtersNow();
/** Where the next page starts; null: there is none. */
let cursor = null;
/** What fetches the current page. */
let fetching = null;

// -- one tile -------------------------------------------------------------------------------------

class Tile {
  constructor(job) {
    this.thumb = el("span", { class: "thumb" });
    this.state = el("span", { class: "state" });
    this.words = said("", "span", { class: "words" });
    this.node = el(
      "li",
      { data: { id: job.id } },
      el(
        "a",
        { href: at(`console/gallery/${job.id}`) },
        this.thumb,
        this.words,
        el("span", { class: "meta" }, this.state, ago(job.createdAt)),
      ),
    );
    this.update(job);
  }

  update(job) {
    const before = this.job;
    this.job = job;
    this.node.dataset.status = job.status;
    this.state.dataset.status = job.status;
    tell(this.state, stateOf(job));
    tell(this.words, nameOf(job));
    if (before?.url === job.url && before?.status === job.status) return;
    // The link says what it shows.
    fill(this.thumb, job.url ? el("img", { src: small(job.url), alt: "", loading: "lazy", decoding: "async" }) : null);
  }
}

/** Show a job where it belongs, unless a newer state of it is shown already. */
function upsert(job) {
  const tile = tiles.get(job.id);
  if (tile) {
    if (job.seq >= tile.job.seq) tile.update(job);
    return;
  }
  const made = new Tile(job);
  const older = (node) => isOlder(tiles.get(node.dataset.id).job, job);
  const last = list.lastElementChild;
  const before = !last || !older(last) ? null : [...list.children].find(older);
  tiles.set(job.id, made);
  list.insertBefore(made.node, before);
}

function isOlder(one, other) {
  return one.createdAt === other.createdAt ? one.id < other.id : one.createdAt < other.createdAt;
}

function drop(id) {
  tiles.get(id).node.remove();
  tiles.delete(id);
}

// -- pages ----------------------------------------------------------------------------------------

function filtersNow() {
  const found = {};
  for (const name of ["words", "status", "tag"]) {
    const value = form.elements[name].value.trim();
    if (value) found[name] = value;
  }
  return found;
}

const filtered = () => Object.keys(filters).length > 0;

function page(from, { signal }) {
  const query = new URLSearchParams({ ...filters, limit: PAGE_LENGTH, ...(from ? { cursor: from } : {}) });
  return call("GET", `draw/midjourney/jobs?${query}`, undefined, { signal });
}

/** Fetch the first page anew, or the next one. */
async function load({ fresh = false } = {}) {
  if (fetching && !fresh) return;
  fetching?.abort();
  const mine = (fetching = new AbortController());
  further.disabled = true;
  try {
    const answer = await page(fresh ? null : cursor, mine);
    if (fresh) clear();
    answer.data.forEach(upsert);
    cursor = answer.cursor;
    settle(answer.data.length);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Refused)) throw error;
    if (fresh) clear();
    wrong(error);
  } finally {
    if (fetching === mine) {
      fetching = null;
      further.disabled = false;
    }
  }
  watchTheEnd();
}

/** Take everything away, before other filters' pages come. */
function clear() {
  for (const id of [...tiles.keys()]) drop(id);
  cursor = null;
}

/** Say how many there are. */
function count() {
  empty.hidden = tiles.size > 0;
  tell(empty, t(!filtered() ? "gallery.none" : cursor ? "gallery.none_yet" : "gallery.none_fits"));
  tell(one("#end"), cursor || !tiles.size ? "" : t("gallery.end"));
  tell(one("#told"), t("gallery.shown", { count: tiles.size }));
}

/** Say what there is, and whether there may be more; `found`: in the last page. */
function settle(found) {
  count();
  further.hidden = !cursor;
  // A page looks through so many drawings at most: whoever scrolls does not start a long search.
  further.dataset.asks = found ? "" : "1";
  tell(further, t(found ? "gallery.more" : "gallery.further"));
}

/** Show beside the filters what is wrong with them; or, above the page, why nothing came. */
function wrong(error) {
  const told = Object.entries(error.errors).filter(([name, sentences]) => {
    const node = one(`#${CSS.escape(name)}-wrong`, form);
    if (!node) return false;
    node.hidden = false;
    node.textContent = sentences.join(" ");
    form.elements[name].setAttribute("aria-invalid", "true");
    return true;
  });
  if (told.length) form.elements[told[0][0]].focus();
  else attempt(() => Promise.reject(error));
  // Whoever presses it tries again.
  further.hidden = told.length > 0;
  further.dataset.asks = "1";
  if (told.length) count();
}

const observer = new IntersectionObserver(
  (seen) => {
    if (seen.some((entry) => entry.isIntersecting) && !further.hidden && !further.dataset.asks) load();
  },
  { rootMargin: "600px" },
);

/** Have the observer tell where the end is now: it tells changes only. */
function watchTheEnd() {
  observer.unobserve(further);
  observer.observe(further);
}

function filter() {
  for (const node of all(".wrong", form)) node.hidden = true;
  for (const node of all("[aria-invalid]", form)) node.removeAttribute("aria-invalid");
  filters = filtersNow();
  const query = new URLSearchParams(filters).toString();
  history.replaceState(null, "", location.pathname + (query ? `?${query}` : ""));
  load({ fresh: true });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});
form.addEventListener("reset", (event) => {
  // Not to what the address said when the page was loaded.
  event.preventDefault();
  for (const name of ["words", "status", "tag"]) form.elements[name].value = "";
  filter();
});
form.elements.status.addEventListener("change", filter);
further.addEventListener("click", () => load());

// -- what comes meanwhile -------------------------------------------------------------------------

let asking = 0;

/** Ask the gateway, which alone knows what fits the filters, for what is newest. */
function lookAgain() {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    if (fetching) return lookAgain();
    const mine = (fetching = new AbortController());
    let gap = false;
    try {
      const { data, cursor: next } = await page(null, mine);
      // After a long absence there may be more than a page between these and what is shown.
      gap = next !== null && !data.some((job) => tiles.has(job.id));
      data.forEach(upsert);
      count();
    } catch (error) {
      // What is shown stays; the mark at the top says that the gateway is away.
      if (!(error instanceof Refused) && error.name !== "AbortError") throw error;
    } finally {
      if (fetching === mine) fetching = null;
    }
    if (gap) load({ fresh: true });
  }, SETTLE_MS);
}

function changed(job) {
  const tile = tiles.get(job.id);
  if (tile) {
    upsert(job);
    if (filters.status && String(job.status) !== filters.status) drop(job.id);
    count();
    return;
  }
  const newest = list.firstElementChild && tiles.get(list.firstElementChild.dataset.id).job;
  if (newest && isOlder(job, newest) && !filters.status) return;
  if (filtered()) return lookAgain();
  upsert(job);
  count();
}

live({
  snapshot({ jobs }) {
    const newest = list.firstElementChild && tiles.get(list.firstElementChild.dataset.id).job;
    if (jobs.some((job) => !tiles.has(job.id) && (!newest || isOlder(newest, job)))) lookAgain();
    for (const job of jobs) if (tiles.has(job.id)) changed(job);
  },
  job: changed,
});
load({ fresh: true });
