// Call the gateway's own API, by the session of this page.

import { el, fill, one } from "./dom.js";
import { at, t } from "./text.js";

const { csrf } = document.documentElement.dataset;

/** What the API said no with. */
export class Refused extends Error {
  constructor(status, body, retryAfterS) {
    super(body.message ?? t("frame.broken"));
    this.status = status;
    /** field → sentences */
    this.errors = body.errors ?? {};
    this.retryAfterS = retryAfterS;
  }
}

/** The headers of a call that counts by this page's session. */
export function headers(more = {}) {
  return { "X-Limner-Csrf": csrf, ...more };
}

/**
 * Call `path` (below the gateway's root) and return the answer's JSON. `body`: sent as JSON, if given. `key`: the same
 * call with the same key does nothing twice.
 * Throws Refused; one with status 0 if the gateway cannot be reached.
 */
export async function call(method, path, body, { signal, key } = {}) {
  let response;
  let answer = {};
  try {
    response = await fetch(at(path), {
      method,
      signal,
      headers: headers({
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(key ? { "Idempotency-Key": key } : {}),
      }),
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
    answer = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    // A refusal counts by its status, even without words of ours; all else that has no answer is none.
    if (!response || response.ok) throw new Refused(0, { message: t("frame.unreachable") });
  }
  if (response.ok) return answer;
  if (response.status === 401) ended();
  throw new Refused(response.status, answer, Number(response.headers.get("Retry-After")) || null);
}

/** Say that the session has ended, with the way back in. */
export function ended() {
  const here = location.pathname.split("/console/").pop() + location.search;
  const way = `${at("console/enter")}?next=${encodeURIComponent(`console/${here}`)}`;
  fill(
    one("#notices"),
    el("p", { class: "notice bad" }, t("frame.ended"), " ", el("a", { href: way }, t("frame.enter_again"))),
  );
  document.dispatchEvent(new CustomEvent("limner:ended"));
}

/** Show a sentence above the page; the next one replaces it. `kind`: "good" or "bad". */
export function notice(text, kind = "bad") {
  const close = el("button", { type: "button", class: "quiet", "aria-label": t("frame.close"), onclick: hush }, "×");
  fill(one("#notices"), el("p", { class: `notice ${kind}` }, el("span", {}, text), close));
}

/** Take the sentence away. */
export function hush() {
  fill(one("#notices"));
}
