// Build elements. Whatever others wrote goes in as text, never as HTML: nothing here parses any.

/**
 * Return an element. `what`: attributes (`false` and null leave one out, `true` sets it bare), `class`, `data`
 * (an object), properties with a leading dot (".value"), listeners ("onclick": function).
 * Children: nodes, texts, numbers, lists of these; null and false are left out.
 */
export function el(tag, what = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(what)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(node.dataset, value);
    else if (name.startsWith(".")) node[name.slice(1)] = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...flat(children));
  return node;
}

/** Replace what is in `node`. */
export function fill(node, ...children) {
  node.replaceChildren(...flat(children));
  return node;
}

/** Return others' words as an element that keeps their direction, and whatever else they contain, to itself. */
export function said(text, tag = "bdi", what = {}) {
  return el(tag, { dir: "auto", ...what, class: `said ${what.class ?? ""}`.trim() }, text ?? "");
}

/** Set the text only if it differs, so that screen readers and selections stay undisturbed. */
export function tell(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Return the first element that matches, within `root`. */
export function one(selector, root = document) {
  return root.querySelector(selector);
}

/** Return all elements that match, as a list. */
export function all(selector, root = document) {
  return [...root.querySelectorAll(selector)];
}

function flat(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}
