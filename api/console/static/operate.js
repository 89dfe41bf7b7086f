// What the pages of operators share: who may steer, and how something is changed.

import { call, notice, Refused } from "./api.js";
import { ask } from "./ask.js";
import { el, said } from "./dom.js";
import { known, t } from "./text.js";

/** Whether this operator may change anything; the gateway refuses it to others in any case. */
export const maySteer = document.documentElement.dataset.role === "steer";

/** Return a small button, or nothing for whoever may only look. `what`: more attributes. */
export function lever(label, onclick, what = {}) {
  if (!maySteer) return null;
  return el("button", { type: "button", class: "small", onclick, ...what }, label);
}

/** Return what `what` promises; null, and say why, if the gateway refuses it. */
export async function attempt(what) {
  try {
    return await what();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    notice(sentence(error));
    return null;
  }
}

/** Return all that a refusal says, in one line. */
export function sentence({ message, errors }) {
  const more = Object.entries(errors).map(([name, sentences]) => `${name}: ${sentences.join(" ")}`);
  return [message, ...more].join(" ");
}

/**
 * Change all that a filter names at `path`: the gateway counts them, the operator is asked once, and it is done if
 * there are still as many. `act`: the texts `steer.<act>.ask`, `.go`, `.done`. Returns the answer; null: not done.
 */
export async function changeMany(path, filter, act) {
  for (;;) {
    const counted = await attempt(() => call("POST", path, { ...filter, dryRun: true }));
    if (!counted) return null;
    const count = counted.found;
    if (!count) {
      notice(t("steer.none"), "good");
      return null;
    }
    const question = t(`steer.${act}.ask`, { count });
    const sure = await ask(question, [], t(`steer.${act}.go`, { count }), meant(filter), { danger: act === "cancel" });
    if (!sure) return null;
    try {
      const answer = await call("POST", path, { ...filter, confirm: count });
      notice(done(act, answer), answer.refused?.length ? "bad" : "good");
      return answer;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status !== 409) {
        notice(sentence(error));
        return null;
      }
      // Meanwhile they have become more or fewer: nothing was changed, and the new number needs a new answer.
      notice(t("steer.changed"));
    }
  }
}

function done(act, answer) {
  const count = answer.cancelled ?? answer.moved ?? answer.submitted ?? answer.callbacks;
  const parts = [t(`steer.${act}.done`, { count })];
  if (answer.submittedBefore) parts.push(t("steer.again.before", { count: answer.submittedBefore }));
  for (const { why, jobs } of answer.refused ?? []) parts.push(`${t("steer.again.refused", { count: jobs })} ${why}`);
  return parts.join(" ");
}

/** Return the filter in words, for the question. */
function meant(filter) {
  const rows = Object.entries(filter).map(([name, value]) => [
    el("dt", {}, t(`filter.${name}`)),
    el("dd", {}, said(wordFor(name, value))),
  ]);
  return { node: el("dl", { class: "facts" }, rows) };
}

/** Return a filter's value in words, where it is one of a few. */
export function wordFor(name, value) {
  const key = `${name === "status" ? "state" : name}.${value}`;
  return known(key) ? t(key) : value;
}

/**
 * Ask for some numbers and send them to `path`; until the gateway takes them, ask again with what it said. A field:
 * `name`, `label`, `value` (null: as it is by itself). Returns the answer, or null.
 */
export async function changeLimits(path, title, text, fields) {
  let told = text;
  for (;;) {
    const shown = fields.map(({ name, label, value }) => ({ name, label, value: value ?? "" }));
    const given = await ask(title, shown, t("steer.save"), null, { text: told });
    if (!given) return null;
    const body = {};
    for (const field of fields) {
      const typed = given[field.name].trim();
      if (typed === String(field.value ?? "")) continue;
      body[field.name] = typed === "" ? null : Number.isNaN(Number(typed)) ? typed : Number(typed);
    }
    if (!Object.keys(body).length) return null;
    try {
      return await call("PATCH", path, body);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status !== 422) {
        notice(sentence(error));
        return null;
      }
      told = sentence(error);
      fields = fields.map((field) => ({ ...field, value: given[field.name] }));
    }
  }
}
