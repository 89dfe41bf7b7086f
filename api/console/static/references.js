// Reference pictures, by drop, by paste or from files, each with what it is used for.

import { el, fill, one, said, tell } from "./dom.js";
import { t } from "./text.js";
import { bytes } from "./when.js";

const KINDS = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const LARGEST = 10 * 1024 * 1024;
/** Of each use. */
const MOST = 8;
const USES = ["imageList", "styleRefs", "objectRefs"];

/** The pictures of a form. */
export class References {
  constructor(zone) {
    this.zone = zone;
    this.list = one("#pictures", zone);
    this.wrong = one("#refs-wrong", zone);
    /** { name, data (a data URL or an address), use } */
    this.pictures = [];
    for (const [use, urls] of Object.entries(JSON.parse(this.list.dataset.given))) {
      for (const url of urls) this.pictures.push({ name: url, data: url, use });
    }
    this.draw();
    const files = one("#files", zone);
    files.addEventListener("change", () => {
      this.take(files.files);
      files.value = "";
    });
    files.disabled = false;
    document.addEventListener("dragover", (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      zone.dataset.over = "";
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) delete zone.dataset.over;
    });
    document.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      delete zone.dataset.over;
      this.take(event.dataTransfer.files);
    });
    document.addEventListener("paste", (event) => {
      const found = [...event.clipboardData.files];
      if (!found.length) return;
      event.preventDefault();
      this.take(found);
    });
  }

  /** Return the pictures by the fields they are sent in. */
  fields() {
    const found = {};
    for (const { use, data } of this.pictures) (found[use] ??= []).push(data);
    return found;
  }

  clear() {
    this.pictures = [];
    this.draw();
  }

  async take(files) {
    const wrong = [];
    for (const file of files) {
      if (!KINDS.includes(file.type)) wrong.push(t("draw.refs_kind", { name: file.name }));
      else if (file.size > LARGEST) wrong.push(t("draw.refs_large", { name: file.name, size: bytes(LARGEST) }));
      else if (this.pictures.filter((one) => one.use === USES[0]).length >= MOST) {
        wrong.push(t("draw.refs_many", { count: MOST }));
        break;
      } else this.pictures.push({ name: file.name, data: await dataOf(file), use: USES[0] });
    }
    this.draw();
    this.tell(wrong.join(" "));
  }

  tell(sentence) {
    this.wrong.hidden = !sentence;
    tell(this.wrong, sentence);
  }

  draw() {
    this.tell("");
    fill(
      this.list,
      this.pictures.map((picture, place) => {
        const chosen = el(
          "select",
          { "aria-label": t("draw.refs_use"), onchange: (event) => (picture.use = event.target.value) },
          USES.map((use) => el("option", { value: use, selected: use === picture.use }, t(`draw.refs_${use}`))),
        );
        const remove = el(
          "button",
          {
            type: "button",
            class: "quiet small",
            "aria-label": t("draw.refs_remove", { name: picture.name }),
            onclick: () => {
              this.pictures.splice(place, 1);
              this.draw();
            },
          },
          "×",
        );
        // A picture elsewhere is not fetched: this page calls nobody but its gateway.
        const shown = picture.data.startsWith("data:") ? el("img", { src: picture.data, alt: "" }) : null;
        return el("li", {}, shown, said(picture.name, "span", { class: "file" }), chosen, remove);
      }),
    );
  }
}

function dataOf(file) {
  return new Promise((found, failed) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => found(reader.result));
    reader.addEventListener("error", () => failed(reader.error));
    reader.readAsDataURL(file);
  });
}
