// Rows that stay while what they tell changes: nobody's focus, selection or place in the page is lost.

/** A body of rows by key. `make(item)` returns an object with `node` and `update(item)`. */
export class Rows {
  constructor(body, keyOf, make) {
    this.body = body;
    this.keyOf = keyOf;
    this.make = make;
    this.shown = new Map();
  }

  /** Show these, in this order. */
  show(items) {
    const keys = new Set(items.map(this.keyOf));
    for (const [key, row] of this.shown) {
      if (keys.has(key)) continue;
      row.node.remove();
      this.shown.delete(key);
    }
    for (const item of items) {
      const key = this.keyOf(item);
      if (!this.shown.has(key)) {
        const row = this.make(item);
        this.shown.set(key, row);
        this.body.append(row.node);
      }
      this.shown.get(key).update(item);
    }
    // Whoever is about to press something must not find another row under the pointer, nor lose the focus.
    if (this.body.contains(document.activeElement)) return;
    items.forEach((item, place) => {
      const { node } = this.shown.get(this.keyOf(item));
      if (this.body.children[place] !== node) this.body.insertBefore(node, this.body.children[place]);
    });
  }
}
