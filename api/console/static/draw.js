// The page Draw: ask for a drawing, and watch the newest ones.

import { actionsOf } from "./acts.js";
import { call, Refused } from "./api.js";
import { showCode } from "./copy.js";
import { all, one, tell } from "./dom.js";
import { JobCard, stateOf } from "./job.js";
import { live } from "./live.js";
import { shortly } from "./pictures.js";
import { newTag } from "./press.js";
import { References } from "./references.js";
import { t } from "./text.js";

const form = one("#ask");
const go = one("#go");
const list = one("#jobs");
const empty = one("#empty");
const MOST_CARDS = 50;

// -- the form -------------------------------------------------------------------------------------

const references = new References(one("#refs"));
/** The last body that was sent, and its tag: until it is taken, a second press is a second try, not a second job. */
let tried = { body: "", tag: "" };

/** Return what the form asks for, with only the fields that are set. */
function asked() {
  const body = { promptEn: form.elements.promptEn.value, fast: form.elements.lane.value === "fast" };
  for (const field of all("[data-kind]", form)) {
    const value = valueOf(field);
    if (value !== null) body[field.dataset.field] = value;
  }
  return { ...body, ...references.fields() };
}

/** Return a field's value; null: as if it were not there. */
function valueOf({ dataset: { field, kind, on } }) {
  const input = form.elements[field];
  if (kind === "yes") return input.checked === (on === "1") ? null : input.checked;
  if (kind === "several") {
    const chosen = all(`[name="${field}"]:checked`, form).map((box) => Number(box.value));
    return chosen.length ? chosen : null;
  }
  const text = input.value.trim();
  if (!text) return null;
  // What is no number is for the gateway to refuse, beside its field.
  const counts = kind === "number" || kind === "integer" || field === "quality";
  return counts && !Number.isNaN(Number(text)) ? Number(text) : input.value;
}

async function send(event) {
  event.preventDefault();
  if (go.disabled) return;
  right();
  const body = asked();
  const text = JSON.stringify(body);
  if (tried.body !== text) tried = { body: text, tag: newTag() };
  go.disabled = true;
  tell(go, t("draw.going"));
  try {
    const job = await call("POST", "draw/midjourney/imagine", { ...body, tag: tried.tag }, { key: tried.tag });
    tried = { body: "", tag: "" };
    came(job);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    wrong(error);
  } finally {
    go.disabled = false;
    tell(go, t("draw.go"));
  }
}

function right() {
  for (const node of all(".wrong", form)) node.hidden = true;
  for (const node of all("[aria-invalid]", form)) node.removeAttribute("aria-invalid");
}

/** Show what is wrong beside the fields, and go to the first one. */
function wrong({ message, errors }) {
  const left = [];
  let first = null;
  for (const [name, sentences] of Object.entries(errors)) {
    const field = one(`[data-field~="${CSS.escape(name)}"]`, form);
    if (!field) {
      left.push(`${name}: ${sentences.join(" ")}`);
      continue;
    }
    const told = one(".wrong", field);
    told.hidden = false;
    told.textContent = sentences.join(" ");
    const input = one("input:not([type=hidden]), textarea, select", field);
    input.setAttribute("aria-invalid", "true");
    if (field.closest("details")) field.closest("details").open = true;
    if (!first || first.compareDocumentPosition(input) & Node.DOCUMENT_POSITION_PRECEDING) first = input;
  }
  const told = one("#form-wrong");
  told.hidden = false;
  told.textContent = [first ? t("draw.wrong") : message, ...left].join(" ");
  first?.focus();
}

function countSet() {
  const count = all("[data-kind]", form).filter((field) => valueOf(field) !== null).length;
  tell(one("#set"), count ? t("draw.set", { count }) : "");
}

form.addEventListener("submit", send);
form.addEventListener("input", countSet);
form.addEventListener("reset", (event) => {
  // Only the parameters: the words stay.
  event.preventDefault();
  for (const field of all("[data-kind]", form)) {
    for (const input of all("input, textarea, select", field)) {
      if (input.type === "checkbox") input.checked = field.dataset.on === "1";
      else input.value = "";
    }
  }
  right();
  countSet();
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(go);
});
one("#copy").addEventListener("click", () => showCode({ ...asked(), promptEn: form.elements.promptEn.value || t("draw.prompt_hint"), tag: newTag() }));
countSet();
for (const button of [go, one("#copy"), one("#clear")]) button.disabled = false;

// -- the jobs -------------------------------------------------------------------------------------

/** id → card */
const cards = new Map();
const actions = actionsOf(came);

/** Show a job that was just made here. */
function came(job) {
  upsert(job);
  cards.get(job.id).node.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
}

/** Show a job as it is now, unless a newer state of it is shown already. */
function upsert(job) {
  const card = cards.get(job.id);
  if (card) {
    if (job.seq < card.job.seq) return;
    const before = card.job.status;
    card.update(job);
    if (before !== job.status && job.status > 0) tell(one("#told"), `${stateOf(job)}: ${shortly(job.promptEn)}`);
    return;
  }
  const made = new JobCard(job, actions);
  cards.set(job.id, made);
  const older = [...list.children].find((node) => cards.get(node.dataset.id).job.createdAt < job.createdAt);
  list.insertBefore(made.node, older ?? null);
  while (list.children.length > MOST_CARDS) drop(list.lastElementChild.dataset.id);
  settle();
}

function drop(id) {
  cards.get(id).node.remove();
  cards.delete(id);
}

function settle() {
  empty.hidden = cards.size > 0;
  tell(empty, t("draw.none"));
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

live({
  snapshot({ jobs }) {
    const there = new Set(jobs.map((job) => job.id));
    for (const id of [...cards.keys()]) if (!there.has(id)) drop(id);
    for (const job of jobs) {
      // What the gateway says now is true, also if its store came back older.
      if (cards.has(job.id)) cards.get(job.id).update(job);
      else upsert(job);
    }
    settle();
  },
  job: upsert,
});

