// What the console says, in the language of the page: one table, the same that the templates use.

const { lang, dataset } = document.documentElement;

/** Return an address below the gateway's root. */
export function at(path) {
  return new URL(dataset.root + path, document.baseURI).href;
}

const response = await fetch(at(`console/texts/${dataset.stamp}/${lang}.json`));
const texts = await response.json();
const plurals = new Intl.PluralRules(lang);

/**
 * Return the text called `key`, with `{name}` replaced by the value of that name. Where the table has `key.one` and
 * `key.other`, the value `count` chooses.
 */
export function t(key, values = {}) {
  let text = texts[key];
  if (text === undefined && "count" in values) {
    text = texts[`${key}.${plurals.select(values.count)}`] ?? texts[`${key}.other`];
  }
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, name) =>
    name in values ? (typeof values[name] === "number" ? number(values[name]) : values[name]) : whole,
  );
}

/** Return whether there is such a text. */
export function known(key) {
  return key in texts;
}

/** Return a number as people write it in this language. */
export function number(value, options = {}) {
  return new Intl.NumberFormat(lang, options).format(value);
}
