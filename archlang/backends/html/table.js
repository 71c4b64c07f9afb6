// The report's table beside the picture: a tree of rows, made as they are opened, linked with the boxes both ways.

const OPEN_ROWS = 60;

class Table {
  // `choose(row)` is called when a row is chosen.
  constructor(pane, table, records, choose) {
    Object.assign(this, { pane, records, choose });
    this.lines = new Map();
    const heads = [["Layer", false], ...table.headings].map(([text, right]) => element("th", { scope: "col", ...(right ? { class: "number" } : {}) }, text));
    this.right = table.headings.map(([, right]) => right);
    this.body = element("tbody", {});
    const foot = element("tfoot", {}, element("tr", {}, element("th", { scope: "row" }, "Total"), ...this.cells(table.total)));
    const made = element("table", { role: "treegrid", "aria-label": "layers" }, element("thead", {}, element("tr", {}, ...heads)), this.body, foot);
    pane.replaceChildren(made);
    this.openFirst(table.rows);
    this.body.append(...table.rows.flatMap((row) => this.made(row)));
    const first = this.body.querySelector("tr");
    if (first) first.tabIndex = 0;
    made.addEventListener("keydown", (event) => this.key(event));
  }

  // The outer rows open, as long as there are not too many.
  openFirst(rows) {
    let shown = rows.length;
    for (let waiting = rows.filter((row) => row.rows); waiting.length; ) {
      const inner = waiting.flatMap((row) => row.rows);
      shown += inner.length;
      if (shown > OPEN_ROWS) break;
      waiting.forEach((row) => (row.open = true));
      waiting = inner.filter((row) => row.rows);
    }
  }

  cells(texts) {
    return texts.map((text, i) => element("td", this.right[i] ? { class: "number" } : {}, text));
  }

  // The line of a row, and those of the rows in it that is open.
  made(row) {
    const name = element("th", { scope: "row", "aria-label": row.path });
    name.style.paddingLeft = `${row.level - 0.4}em`;
    if (row.rows) {
      const button = element("button", { type: "button", class: "twist", tabindex: "-1", "aria-hidden": "true" }, row.open ? "\u25be" : "\u25b8");
      button.addEventListener("click", (event) => {
        event.stopPropagation();
        this.open(row, !row.open);
      });
      name.append(button);
    }
    name.append(row.short);
    const line = element("tr", { title: row.path, "aria-level": String(row.level), tabindex: "-1", "aria-selected": "false" }, name, ...this.cells(row.cells));
    if (row.rows) line.setAttribute("aria-expanded", String(Boolean(row.open)));
    line.addEventListener("click", () => this.choose(row));
    line.row = row;
    this.lines.set(row, line);
    return [line, ...(row.open ? row.rows.flatMap((inner) => this.made(inner)) : [])];
  }

  open(row, open) {
    if (!row.rows || Boolean(row.open) === open) return;
    const line = this.lines.get(row);
    row.open = open;
    line.setAttribute("aria-expanded", String(open));
    line.querySelector(".twist").textContent = open ? "\u25be" : "\u25b8";
    if (open) line.after(...row.rows.flatMap((inner) => this.made(inner)));
    else this.drop(row);
  }

  drop(row) {
    for (const inner of row.rows || []) {
      const line = this.lines.get(inner);
      if (line) line.remove();
      this.lines.delete(inner);
      this.drop(inner);
    }
  }

  // Marks the row that is chosen in the picture, and opens what it lies in.
  mark(row) {
    for (const line of this.body.querySelectorAll("[aria-selected=true]")) line.setAttribute("aria-selected", "false");
    if (!row) return;
    const outer = [];
    for (let one = row.parent; one; one = one.parent) outer.unshift(one);
    for (const one of outer) this.open(one, true);
    const line = this.lines.get(row);
    line.setAttribute("aria-selected", "true");
    this.rove(line);
    line.scrollIntoView({ block: "nearest" });
  }

  rove(line) {
    for (const old of this.body.querySelectorAll("[tabindex='0']")) old.tabIndex = -1;
    line.tabIndex = 0;
  }

  key(event) {
    const line = event.target.closest("tbody tr");
    if (!line) return;
    const move = (to) => {
      if (!to) return;
      this.rove(to);
      to.focus();
    };
    const { row } = line;
    const keys = {
      ArrowDown: () => move(line.nextElementSibling),
      ArrowUp: () => move(line.previousElementSibling),
      Home: () => move(this.body.firstElementChild),
      End: () => move(this.body.lastElementChild),
      ArrowRight: () => (row.rows && !row.open ? this.open(row, true) : row.rows && move(line.nextElementSibling)),
      ArrowLeft: () => (row.open ? this.open(row, false) : row.parent && move(this.lines.get(row.parent))),
      Enter: () => this.choose(row),
      " ": () => this.choose(row),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }
}
