// The one stream of a page. It says when it is behind, and comes back by itself.
//
// Not an EventSource: that cannot send our header, nor tell a session that has ended from a gateway that is away.

import { ended, headers } from "./api.js";
import { one, tell } from "./dom.js";
import { at, t } from "./text.js";

/** The gateway says something at least every ten seconds: after this silence, what is shown is old. */
const BEHIND_MS = 25_000;
/** After this one the line is dead. */
const DEAD_MS = 45_000;
/** A page that nobody looks at gives its line back: browsers have six for all pages of a gateway. */
const HIDDEN_MS = 10_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/**
 * Follow the stream. `handlers`: event name → function of its data. The gateway begins with `snapshot`, after each
 * reconnection, too. `about`: what the stream is about, such as { job: id }. Returns a function that stops.
 */
export function live(handlers, about = {}) {
  const line = new Line(handlers, new URLSearchParams(about));
  line.run();
  return () => line.stop();
}

class Line {
  constructor(handlers, about) {
    this.handlers = handlers;
    this.address = at(`console/live?${about}`);
    this.stopped = false;
    this.wait = FIRST_WAIT_MS;
    this.heard = Date.now();
    document.addEventListener("limner:ended", () => this.stop("ended"));
    document.addEventListener("visibilitychange", () => this.seen());
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.abort());
    // Or the browser would keep the line while it leaves the page.
    addEventListener("pagehide", () => this.abort());
    setInterval(() => this.look(), 1000);
  }

  async run() {
    while (!this.stopped) {
      if (this.resting) await new Promise((go) => (this.go = go));
      try {
        await this.read();
        // The gateway ends each stream after a while: that is no failure.
        this.wait = FIRST_WAIT_MS;
      } catch (error) {
        if (this.stopped) return;
        if (error instanceof Over) {
          ended();
          return;
        }
      }
      if (this.stopped) return;
      if (!this.resting) show("reconnecting");
      await this.pause();
    }
  }

  async read() {
    this.controller = new AbortController();
    const { signal } = this.controller;
    this.heard = Date.now();
    const response = await fetch(this.address, { headers: headers(), signal, cache: "no-store" });
    if (response.status === 401) throw new Over();
    if (!response.ok) {
      this.wait = Math.max(this.wait, 1000 * (Number(response.headers.get("Retry-After")) || 0));
      throw new Error(String(response.status));
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.heard = Date.now();
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) this.hear(frame);
      show("live");
      this.wait = FIRST_WAIT_MS;
    }
  }

  hear(frame) {
    let name = "message";
    const data = [];
    for (const row of frame.split("\n")) {
      if (row.startsWith("event: ")) name = row.slice(7);
      if (row.startsWith("data: ")) data.push(row.slice(6));
    }
    if (!data.length) return;
    if (name === "ended") throw new Over();
    this.handlers[name]?.(JSON.parse(data.join("\n")));
  }

  look() {
    if (this.stopped || this.resting || !this.controller) return;
    const silent = Date.now() - this.heard;
    if (silent > DEAD_MS) this.abort();
    else if (silent > BEHIND_MS) show("behind");
  }

  seen() {
    clearTimeout(this.hiding);
    if (document.hidden) {
      this.hiding = setTimeout(() => {
        this.resting = true;
        this.abort();
      }, HIDDEN_MS);
    } else if (this.resting) {
      this.resting = false;
      this.go?.();
      this.hurry();
    }
  }

  /** Wait before the next try: longer each time, and never all pages at the same moment. */
  pause() {
    const wait = this.wait * (0.75 + Math.random() / 2);
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
    return new Promise((go) => {
      this.hurried = go;
      setTimeout(go, wait);
    });
  }

  hurry() {
    this.hurried?.();
  }

  abort() {
    this.controller?.abort();
  }

  stop(state = "stopped") {
    this.stopped = true;
    this.abort();
    show(state);
  }
}

/** The session has ended. */
class Over extends Error {}

function show(state) {
  const node = one("#live");
  if (!node || node.dataset.state === state) return;
  node.dataset.state = state;
  node.hidden = false;
  tell(node, t(`live.${state}`));
}
