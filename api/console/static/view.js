// A picture in large, in a dialog, with what can be done with it.

import { el, fill } from "./dom.js";
import { here, picturesOf, shortly } from "./pictures.js";
import { buttons } from "./press.js";
import { t } from "./text.js";

/** Show a job's picture, from 0; arrow keys go to its neighbours. */
export function view(job, place, actions) {
  const cells = picturesOf(job);
  const title = el("h2", { id: "view-title" });
  const frame = el("div", { class: "large" });
  const foot = el("div", { class: "foot" });
  const dialog = el(
    "dialog",
    { class: "view", "aria-labelledby": "view-title" },
    el("div", { class: "head" }, title, closing()),
    frame,
    foot,
  );

  function closing() {
    return el("button", { type: "button", class: "quiet", "aria-label": t("view.close"), onclick: () => dialog.close() }, "×");
  }
  function step(by, sign, label) {
    const button = { type: "button", class: "step", "aria-label": label, onclick: () => show(place + by) };
    return cells.length > 1 ? el("button", button, sign) : null;
  }
  function show(next) {
    place = (next + cells.length) % cells.length;
    const cell = cells[place];
    const seed = job.seeds?.[place];
    fill(title, t("view.title", { cell: place + 1, count: cells.length }));
    fill(
      frame,
      step(-1, "‹", t("view.before")),
      el("img", {
        src: here(cell.url),
        alt: t("job.picture", { cell: place + 1, prompt: shortly(job.promptEn) }),
        width: cell.width,
        height: cell.height,
      }),
      step(1, "›", t("view.after")),
    );
    fill(
      foot,
      buttons(job, { ...actions, did: done }, cells.length > 1 ? place : null),
      el(
        "p",
        { class: "meta numbers" },
        `${cell.width} × ${cell.height} px`,
        seed === undefined ? null : ` · ${t("job.seed", { seed: String(seed) })}`,
        " · ",
        el("a", { href: here(cell.url), target: "_blank", rel: "noopener" }, t("job.original")),
      ),
    );
  }
  function done(made) {
    dialog.close();
    actions.did(made);
  }

  dialog.addEventListener("keydown", (event) => {
    if (event.target.matches("input, textarea")) return;
    if (event.key === "ArrowLeft") show(place - 1);
    if (event.key === "ArrowRight") show(place + 1);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  show(place);
  document.body.append(dialog);
  dialog.showModal();
}
