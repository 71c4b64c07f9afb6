// The panel that explains what is chosen, and the small window under the pointer with the same words.

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  made.append(...children);
  return made;
}

// The table's row for an item; for a further copy that of the first one, which `first` says.
class Records {
  constructor(table) {
    this.rows = new Map();
    this.list = [];
    const add = (row, level, parent) => {
      row.level = level;
      row.scope = parent && (parent.key.endsWith("*") ? parent.scope : `${parent.path}.`);
      row.short = row.scope ? row.path.split(" .. ").map((path) => (path.startsWith(row.scope) ? path.slice(row.scope.length) : path)).join(" .. ") : row.path;
      row.parent = parent;
      this.list.push(row);
      if (row.key && !this.rows.has(row.key)) this.rows.set(row.key, row);
      for (const inner of row.rows || []) add(inner, level + 1, row);
    };
    for (const row of table.rows) add(row, 1, null);
  }

  of(key) {
    const exact = this.rows.get(key);
    if (exact) return { row: exact, first: false };
    const row = this.rows.get(key.replace(/(\d+\.\d+\.\d+)\.\d+\//g, "$1.0/"));
    return row ? { row, first: true } : { row: null, first: false };
  }

  // What is known of an item: the row of its copies, then that of the part itself.
  about(item) {
    const keys = [item.key, item.alone && item.alone.key].filter(Boolean);
    const found = keys.map((key) => ({ key, ...this.of(key) })).filter(({ row }) => row);
    const texts = found.filter(({ row }) => row.about).map(({ row, first }) => (first ? furtherText(row) : row.about));
    const seen = found.map(({ row, first, key }) => (first ? furtherField(row, key) : row.sees)).find(Boolean);
    return { row: found.length ? found[0].row : null, sees: seen, text: texts.join("\n\n") || counts(item) };
  }
}

// The explanation of a further copy: that of the first, without what it sees, which is more from copy to copy.
function furtherText(row) {
  const same = row.about.replace(/\n\nReceptive field[^\n]*(\n(?!\n)[^\n]*)*/g, "");
  return `Shapes and counts are those of the first copy, ${row.path}:\n\n${same}`;
}

// What a further copy sees, from the first one and what each copy adds; nothing where that is not known.
function furtherField(row, key) {
  if (!row.sees || !row.grows) return undefined;
  const copies = key.split("/").map((step) => Number(step.split(".")[3] || 0));
  const grown = {};
  for (const name in row.sees) {
    const [sizes, strides] = row.sees[name];
    const more = (axis) => Object.keys(row.grows).reduce((sum, level) => sum + copies[level] * (row.grows[level][name][axis] || 0), 0);
    grown[name] = [sizes.map((size, axis) => (size === null ? null : size + more(axis))), strides];
  }
  return grown;
}

// What there is to say without an explanation.
function counts(item) {
  const lines = [...item.lines];
  if (item.out && item.out.length) lines.push("", `out  ${item.out.join(", ")}`);
  if (item.parameters) lines.push(`${item.parameters} parameters, ${item.macs} multiply-accumulates`);
  return lines.join("\n");
}

class Details {
  constructor(pane, inputs, records, act) {
    Object.assign(this, { pane, inputs, records, act });
  }

  show(item) {
    const { text, sees } = this.records.about(item);
    const title = element("h2", {}, (item.alone ? item.alone.path : item.path) || item.lines[0]);
    const parts = [title];
    if (item.opens) parts.push(this.controls(item));
    for (const input of this.inputs) {
      if (sees && sees[input.name] && input.sizes) parts.push(fieldPicture(input, sees[input.name]));
    }
    parts.push(element("pre", { tabindex: "0", "aria-label": "explanation" }, text));
    this.pane.replaceChildren(...parts);
  }

  // Of a row that the picture does not show.
  showRow(row) {
    this.pane.replaceChildren(element("h2", {}, row.path), element("pre", { tabindex: "0" }, row.about || row.cells.join("  ")));
  }

  controls(item) {
    const line = element("p", { class: "controls" });
    const button = element("button", { type: "button" }, item.inner ? "Close" : "Open");
    button.addEventListener("click", () => this.act.toggle(item));
    line.append(button);
    if (item.count > 1) {
      const number = element("input", { type: "number", min: "1", max: String(item.count), value: String(item.copy + 1) });
      number.addEventListener("change", () => this.act.step(item, Number(number.value) - 1 - item.copy));
      line.append(element("label", {}, " copy ", number, ` of ${item.count.toLocaleString("en")}`));
    }
    return line;
  }
}

const FIELD_SIZE = 130;

// What one number sees of an input, to scale: a rectangle over its last two axes.
function fieldPicture(input, [sizes, strides]) {
  const axes = input.sizes.length > 1 ? input.sizes.slice(1) : input.sizes;
  const seen = sizes.map((size, i) => (size === null ? axes[i] : size));
  const [high, wide] = axes.length > 1 ? axes.slice(-2) : [Math.max(1, axes[0] / 12), axes[0]];
  const [tall, broad] = seen.length > 1 ? seen.slice(-2) : [high, seen[0]];
  const [most, least] = [Math.max(high, wide), Math.max(tall, broad)];
  const scale = FIELD_SIZE / Math.min(Math.max(most, least), 3 * most);
  const [w, h] = [Math.max(2, wide * scale), Math.max(2, high * scale)];
  const [fw, fh] = [Math.min(broad * scale, FIELD_SIZE), Math.min(tall * scale, FIELD_SIZE)];
  const [width, height] = [Math.max(w, fw) + 4, Math.max(h, fh) + 4];
  const picture = shape("svg", { class: "field", width, height, role: "img" });
  const text = `one number sees ${seen.join("x")} of ${input.name}'s ${axes.join("x")}`;
  picture.setAttribute("aria-label", text);
  picture.append(
    shape("rect", { x: (width - fw) / 2, y: (height - fh) / 2, width: Math.max(1.5, fw), height: Math.max(1.5, fh), class: "seen" }),
    shape("rect", { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h, class: "whole" }),
  );
  const steps = strides.filter((stride) => stride !== null);
  const next = steps.length ? `; its neighbours look ${[...new Set(steps)].join(" and ")} further on` : "";
  const beyond = seen.some((size, i) => size > axes[i]) ? ", beyond its borders" : "";
  return element("figure", {}, picture, element("figcaption", {}, text + beyond + next));
}

class Tip {
  constructor(pane, records) {
    Object.assign(this, { pane, records });
  }

  show(item, x, y) {
    this.pane.textContent = this.records.about(item).text;
    this.pane.hidden = false;
    const { width, height } = this.pane.getBoundingClientRect();
    const left = x + 18 + width > innerWidth ? Math.max(4, x - width - 18) : x + 18;
    this.pane.style.left = `${left}px`;
    this.pane.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - height - 8))}px`;
  }

  hide() {
    this.pane.hidden = true;
  }
}
