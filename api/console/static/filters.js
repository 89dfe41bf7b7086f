// The filter of a list: fields that stand in the page's address, too, so that a filtered list is a link.

import { all } from "./dom.js";

export class Filters {
  /** `changed`: called after each change. Fields whose value the address has are set to it. */
  constructor(form, changed) {
    this.form = form;
    const asked = new URLSearchParams(location.search);
    for (const [name, value] of asked) {
      const field = this.fields.find((one) => one.name === name);
      if (!field) continue;
      if (field.matches("select") && ![...field.options].some((option) => option.value === value)) {
        field.add(new Option(value, value));
      }
      field.value = value;
    }
    const told = () => {
      const query = new URLSearchParams(this.read()).toString();
      history.replaceState(null, "", location.pathname + (query && `?${query}`));
      changed();
    };
    form.addEventListener("change", told);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      told();
    });
    form.addEventListener("reset", () => setTimeout(() => {
      for (const field of this.fields) field.value = "";
      told();
    }));
  }

  get fields() {
    return all("input, select", this.form);
  }

  /** Return what is named: field → value. */
  read() {
    const named = this.fields.map((field) => [field.name, field.value.trim()]);
    return Object.fromEntries(named.filter(([, value]) => value));
  }
}

/**
 * Return a function that calls `load` soon, but never twice at a time, and after each call rests for four times as
 * long as that took: lists of a busy gateway are read again and again, and must not become its main work.
 */
export function calmly(load) {
  let wanted = false;
  let busy = false;
  return async function again() {
    wanted = true;
    if (busy) return;
    busy = true;
    while (wanted) {
      wanted = false;
      const began = performance.now();
      await load();
      const took = performance.now() - began;
      await new Promise((go) => setTimeout(go, Math.min(10_000, 4 * took)));
    }
    busy = false;
  };
}
