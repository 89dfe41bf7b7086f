// What the form would send, as a command line or as a program of one's own.

import { el, fill } from "./dom.js";
import { t } from "./text.js";

const { base } = document.documentElement.dataset;
const ADDRESS = `${base}/draw/midjourney/imagine`;
/** Longer data URLs do not belong into a program's text. */
const LONGEST = 2000;

const FORMS = {
  curl: (json) =>
    [
      `curl -s ${shell(ADDRESS)} \\`,
      `  -H "token: $LIMNER_TOKEN" \\`,
      `  -H 'Content-Type: application/json' \\`,
      `  -d ${shell(json)}`,
    ].join("\n"),
  python: (json) =>
    [
      "import json",
      "import os",
      "import urllib.request",
      "",
      `body = json.loads(${pythonText(json)})`,
      "request = urllib.request.Request(",
      `    ${pythonText(ADDRESS)},`,
      "    data=json.dumps(body).encode(),",
      '    headers={"token": os.environ["LIMNER_TOKEN"], "Content-Type": "application/json"},',
      ")",
      "with urllib.request.urlopen(request, timeout=30) as answer:",
      "    print(json.load(answer))",
    ].join("\n"),
  javascript: (json) =>
    [
      `const answer = await fetch(${JSON.stringify(ADDRESS)}, {`,
      '  method: "POST",',
      '  headers: { token: process.env.LIMNER_TOKEN, "Content-Type": "application/json" },',
      `  body: JSON.stringify(${json.replaceAll("\n", "\n  ")}),`,
      "});",
      "console.log(await answer.json());",
    ].join("\n"),
};

/** Return the text that asks for what `body` asks for: as "curl", "python" or "javascript". */
export function asCode(form, body) {
  return FORMS[form](plain(JSON.stringify(body, shortened, 2)));
}

/** Show `body` in all three forms, to be copied. */
export function showCode(body) {
  const code = el("pre", { tabindex: 0, dir: "ltr", "aria-labelledby": "code-title" });
  const told = el("p", { class: "help", role: "status" }, t("copy.token"));
  const picks = Object.keys(FORMS).map((form, place) =>
    el(
      "label",
      { class: "pick" },
      el("input", { type: "radio", name: "form", value: form, checked: place === 0, onchange: () => show(form) }),
      el("span", {}, t(`copy.${form}`)),
    ),
  );
  const copy = el("button", { type: "button", class: "main", onclick: put }, t("copy.go"));
  const close = el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("view.close"));
  const dialog = el(
    "dialog",
    { class: "question code", "aria-labelledby": "code-title" },
    el("h2", { id: "code-title" }, t("copy.title")),
    el("fieldset", { "aria-label": t("copy.title") }, picks),
    code,
    told,
    el("div", { class: "go" }, copy, close),
  );

  function show(form) {
    fill(code, asCode(form, body));
  }
  async function put() {
    try {
      await navigator.clipboard.writeText(code.textContent);
      fill(told, t("copy.done"));
    } catch {
      // Without TLS, browsers keep the clipboard from pages: then it is one key away.
      getSelection().selectAllChildren(code);
      fill(told, t("copy.selected"));
    }
  }
  dialog.addEventListener("close", () => dialog.remove());
  show("curl");
  document.body.append(dialog);
  dialog.showModal();
}

function shortened(_name, value) {
  return typeof value === "string" && value.startsWith("data:") && value.length > LONGEST
    ? "data:image/png;base64,YOUR_PICTURE"
    : value;
}

/** Return JSON in which nothing turns around or hides the text beside it. */
function plain(json) {
  return json.replace(/[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (letter) =>
    `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Return a text as one word of a shell's line. */
function shell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Return a text as a literal of Python: JSON's are, too, but for halves of pairs. */
function pythonText(text) {
  return JSON.stringify(text);
}
