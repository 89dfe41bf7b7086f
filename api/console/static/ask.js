// A question in a dialog: some fields, and whether to go on.

import { el } from "./dom.js";
import { t } from "./text.js";

/**
 * Ask, and return what was answered, by name; null: never mind. A field: `name`, `label`, `kind` ("pick", "long" or
 * "text"), `value`, for "pick" `choices` [value, label]. `beside`: has a `node` to show and `chosen(name, value)`.
 */
export function ask(title, fields, go, beside = null, { danger = false, text = null } = {}) {
  const heading = `ask-${Math.random().toString(36).slice(2)}`;
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: heading }, title),
    text ? el("p", {}, text) : null,
    fields.map((field) => shown(field, beside)),
    beside?.node,
    el(
      "div",
      { class: "go" },
      el("button", { class: danger ? "danger" : "main", value: "go" }, go),
      el("button", { class: "quiet", value: "", formnovalidate: true }, t("view.close")),
    ),
  );
  const dialog = el("dialog", { class: "question", "aria-labelledby": heading }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => {
      const found = Object.fromEntries(new FormData(form));
      dialog.remove();
      answer(dialog.returnValue === "go" ? found : null);
    });
  });
}

function shown(field, beside) {
  const id = `ask-${field.name}`;
  if (field.kind === "pick") {
    return el(
      "fieldset",
      {},
      el("legend", {}, field.label),
      field.choices.map(([value, label]) =>
        el(
          "label",
          { class: "pick" },
          el("input", {
            type: "radio",
            name: field.name,
            value,
            checked: value === field.value,
            onchange: () => beside?.chosen?.(field.name, value),
          }),
          el("span", {}, label),
        ),
      ),
    );
  }
  const input =
    field.kind === "long"
      ? el("textarea", { id, name: field.name, rows: 3, dir: "auto", ".value": field.value })
      : el("input", { id, name: field.name, dir: "auto", ".value": field.value });
  return el("div", { class: "field" }, el("label", { for: id }, field.label), input);
}

