// Paint over a part of a picture that shall be drawn anew: by pointer, or by arrow keys and space.

import { el } from "./dom.js";
import { here } from "./pictures.js";
import { t } from "./text.js";

/** Return a `node` to paint on, what to do when another cell is chosen, and `png()`: the mask as a data URL. */
export function paintMask(job, place) {
  const cells = job.images.length ? job.images : [{ url: job.url, width: job.width, height: job.height }];
  const { width, height } = cells[place];
  const brush = Math.round(Math.max(width, height) / 9);
  // What is painted is a picture of its own: the other one may be of another origin, and could not be read.
  const canvas = el("canvas", { width, height, tabindex: 0, role: "img", "aria-label": t("button.region.hint") });
  const picture = el("img", { src: here(cells[place].url), alt: "" });
  const pen = canvas.getContext("2d");
  const at = { x: width / 2, y: height / 2 };
  let down = false;

  function dab() {
    pen.fillStyle = "#fff";
    pen.beginPath();
    pen.arc(at.x, at.y, brush / 2, 0, 2 * Math.PI);
    pen.fill();
    node.style.setProperty("--x", `${(100 * at.x) / width}%`);
    node.style.setProperty("--y", `${(100 * at.y) / height}%`);
  }
  function follow(event) {
    const box = canvas.getBoundingClientRect();
    at.x = ((event.clientX - box.left) * width) / box.width;
    at.y = ((event.clientY - box.top) * height) / box.height;
    if (down) dab();
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    down = true;
    follow(event);
  });
  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerup", () => (down = false));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      at.x = Math.min(width, Math.max(0, at.x + (step[0] * brush) / 2));
      at.y = Math.min(height, Math.max(0, at.y + (step[1] * brush) / 2));
    } else if (event.key !== " ") return;
    event.preventDefault();
    if (event.key === " " || event.shiftKey) dab();
  });
  const wipe = el(
    "button",
    { type: "button", class: "small", onclick: () => pen.clearRect(0, 0, width, height) },
    t("button.region.wipe"),
  );
  const board = el("div", { class: "board" }, picture, canvas);
  board.style.aspectRatio = `${width} / ${height}`;
  const node = el("div", { class: "mask" }, el("p", { class: "help" }, t("button.region.hint")), board, wipe);
  return {
    node,
    chosen(name, value) {
      if (name === "cell") picture.src = here(cells[Number(value) - 1].url);
    },
    png() {
      const whole = el("canvas", { width, height });
      const ink = whole.getContext("2d");
      ink.fillStyle = "#000";
      ink.fillRect(0, 0, width, height);
      ink.drawImage(canvas, 0, 0);
      return whole.toDataURL("image/png");
    },
  };
}
