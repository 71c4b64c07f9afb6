// The page: what is chosen and open, and everything that a reader can do.

const MOST_OPEN = 45;
const FEW = 10;
const MOST_DRAWN = 1500;
const MOST_FOUND = 40;
const ZOOM = { least: 0.02, most: 6, step: 1.25 };
const THEMES = [["auto", "System colours"], ["light", "Light"], ["dark", "Dark"], ["print", "Print"], ["colorblind", "Colour-blind"]];

const byId = (id) => document.getElementById(id);

class Page {
  constructor(data) {
    this.data = data;
    this.scene = new Scene(data);
    this.records = new Records(data.table);
    this.chosen = null;
    this.view = { x: 0, y: 0, k: 1 };
    const act = { toggle: (item) => this.toggle(item), step: (item, by) => this.step(item, by) };
    this.act = act;
    this.details = new Details(byId("details"), data.inputs, this.records, act);
    this.tip = new Tip(byId("tip"), this.records);
    this.table = new Table(byId("table"), data.table, this.records, (row) => this.chooseRow(row));
    byId("totals").textContent = data.totals.join(", ");
    this.openFirst();
    this.draw();
    this.fit();
    this.legend();
    this.themes();
    this.buttons();
    this.pointers();
    this.keys();
    new Search(this);
    this.follow();
  }

  // ---- what is open

  // As asked for by --depth and --expand; otherwise the outer parts, as many as fit a page.
  openFirst() {
    const { depth, expand } = this.data.options;
    if (depth !== null) this.openLevels(depth);
    else this.openSeveral(MOST_OPEN);
    for (const path of expand) {
      if (path === "all") {
        this.openSome(MOST_DRAWN);
        continue;
      }
      const key = this.scene.resolve(path);
      if (!key) continue;
      const item = this.scene.items.get(this.scene.reveal(key));
      if (item && item.opens) this.scene.open.add(item.key);
      this.scene.build();
    }
  }

  openLevels(depth) {
    let waiting = this.scene.root.items.map((item) => [item, 1]);
    while (waiting.length) {
      const level = waiting.filter(([item, at]) => item.opens && (at < depth || (item.count > 1 && !item.alone)));
      if (!level.length || this.scene.items.size > MOST_DRAWN) break;
      level.forEach(([item]) => this.scene.open.add(item.key));
      this.scene.build();
      waiting = level.flatMap(([item, at]) => this.inside(item.key).map((inner) => [inner, item.count > 1 && !item.alone ? at : at + 1]));
    }
  }

  inside(key) {
    const item = this.scene.items.get(key);
    return item && item.inner ? item.inner.items : [];
  }

  // Opens whole levels of parts while the picture has at most so many boxes.
  openSeveral(most) {
    let waiting = this.scene.root.items.filter((item) => item.opens);
    while (waiting.length) {
      const before = new Set(this.scene.open);
      waiting.forEach((item) => this.scene.open.add(item.key));
      this.scene.build();
      if (this.scene.items.size > most) {
        this.scene.open = before;
        this.scene.build();
        break;
      }
      waiting = waiting.flatMap((item) => this.inside(item.key).filter((inner) => inner.opens));
    }
    if (this.scene.items.size < FEW) this.openSome(most);
  }

  // Opens parts one by one, the outer ones first, while there are at most so many boxes. Returns whether all are open.
  openSome(most) {
    let waiting = this.scene.root.items.filter((item) => item.opens);
    let all = true;
    while (waiting.length) {
      const next = [];
      for (const { key } of waiting) {
        this.scene.open.add(key);
        this.scene.build();
        if (this.scene.items.size > most) {
          this.scene.open.delete(key);
          this.scene.build();
          all = false;
        } else {
          next.push(...this.inside(key).filter((item) => item.opens));
        }
      }
      waiting = next;
    }
    return all;
  }

  toggle(item) {
    const { open } = this.scene;
    if (open.has(item.key)) open.delete(item.key);
    else open.add(item.key);
    this.redraw(item.key);
    this.say(`${item.lines[0]} ${open.has(item.key) ? "open" : "closed"}`);
  }

  step(item, by) {
    const copy = Math.max(0, Math.min(item.count - 1, Math.trunc(item.copy + by) || 0));
    this.scene.copies.set(item.key, copy);
    this.scene.open.add(item.key);
    this.redraw(item.key);
    this.say(`copy ${copy + 1} of ${item.count}`);
  }

  // ---- the picture

  draw() {
    const picture = byId("picture");
    new Placing(this.scene, this.data.options.across);
    this.drawing = new Drawing(this.scene, this.data.options.across, this.act);
    const old = picture.querySelector(".picture");
    if (old) old.remove();
    picture.append(this.drawing.root);
    this.mark();
    this.move();
  }

  // Draws anew with the item of a key where it was on the screen, chosen and with the focus if it had it.
  redraw(key) {
    const focus = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset : {};
    const before = this.corner(key);
    const chosen = this.chosen && this.chosen.key;
    this.scene.build();
    this.chosen = this.scene.items.get(key) || this.scene.items.get(chosen) || null;
    this.draw();
    const after = this.corner(key);
    if (before && after) this.move({ x: this.view.x + before.x - after.x, y: this.view.y + before.y - after.y });
    const element = this.drawing.elements.get(this.scene.items.get(key));
    if (element && focus.step) element.querySelector(`[data-step="${focus.step}"]`).focus({ preventScroll: true });
    else if (element && focus.key) element.focus({ preventScroll: true });
    if (this.chosen) this.explain(this.chosen);
  }

  // Where an item stands in the pane, whatever moves there just now.
  corner(key) {
    const item = this.scene.items.get(key);
    if (!item || item.x === undefined) return null;
    const { k } = this.view;
    let [x, y] = [item.x, item.y];
    for (let owner = item.scope.owner; owner; owner = owner.scope.owner) {
      x += owner.x + owner.inner.x;
      y += owner.y + owner.inner.y;
    }
    return { x: this.view.x + x * k, y: this.view.y + y * k, width: item.w * k, height: item.h * k };
  }

  move(view, slowly = false) {
    Object.assign(this.view, view);
    const { x, y, k } = this.view;
    this.drawing.root.classList.toggle("moving", slowly);
    this.drawing.root.style.transform = `translate(${x}px, ${y}px) scale(${k})`;
  }

  zoom(factor, at) {
    const { width, height, left, top } = byId("picture").getBoundingClientRect();
    const [px, py] = at ? [at.x - left, at.y - top] : [width / 2, height / 2];
    const k = Math.max(ZOOM.least, Math.min(ZOOM.most, this.view.k * factor));
    const by = k / this.view.k;
    this.move({ x: px - (px - this.view.x) * by, y: py - (py - this.view.y) * by, k }, !at);
  }

  // All of it if that can be read; otherwise its beginning, at the width of the window.
  fit(whole = false) {
    const { width, height } = byId("picture").getBoundingClientRect();
    const { w, h } = this.scene.root;
    const across = (width - 32) / Math.max(1, w);
    const along = (height - 32) / Math.max(1, h);
    let k = Math.min(1.4, across, along);
    if (!whole && k < 0.7) k = Math.min(1, Math.max(0.7, Math.min(across, 1)));
    this.move({ k, x: Math.max(16, (width - w * k) / 2), y: h * k < height - 32 ? (height - h * k) / 2 : 16 });
    if (w * k > width - 16) this.move({ x: this.data.options.across ? 16 : (width - w * k) / 2 });
  }

  // Brings an item into view, if it is not.
  bring(item) {
    const box = this.corner(item.key);
    const stage = byId("picture").getBoundingClientRect();
    if (!box) return;
    if (this.view.k < 0.5) this.zoom(0.9 / this.view.k);
    const now = this.around(item, stage);
    const shift = (low, size, room) => {
      if (low >= 20 && low + Math.min(size, room - 60) <= room - 20) return 0;
      return Math.max(30, (room - size) / 2) - low;
    };
    this.move({ x: this.view.x + shift(now.x, now.width, stage.width), y: this.view.y + shift(now.y, now.height, stage.height) }, true);
  }

  // The place of the part that an item stands in, if there is room for that; otherwise its own.
  around(item, stage) {
    const { owner } = item.scope;
    const outer = owner && this.corner(owner.key);
    return outer && outer.width < stage.width - 40 && outer.height < stage.height - 40 ? outer : this.corner(item.key);
  }

  // ---- what is chosen

  choose(item, where = {}) {
    this.chosen = item;
    this.mark();
    if (!item) return;
    this.explain(item);
    if (where.bring) this.bring(item);
    try {
      history.replaceState(null, "", `#${encodeURIComponent((item.alone ? item.alone.path : item.path) || item.key)}`);
    } catch {
      // a frame without an address of its own
    }
  }

  explain(item) {
    this.details.show(item);
    this.table.mark(this.records.about(item).row);
    this.say(described(item));
  }

  chooseRow(row) {
    if (row.key && this.show(row.key)) {
      this.table.mark(row);
      return;
    }
    this.details.showRow(row);
    this.table.mark(row);
  }

  // Opens what a key lies in, and chooses it. Returns whether the picture has it.
  show(key) {
    const found = this.scene.reveal(key);
    const item = this.scene.items.get(found);
    this.chosen = item || null;
    this.draw();
    if (item) this.choose(item, { bring: true });
    return Boolean(item);
  }

  // The way from the inputs to what is chosen stands out.
  mark() {
    const { root, elements, paths } = this.drawing;
    const led = this.chosen ? leadingTo(this.chosen, this.scene) : { items: new Set(), edges: new Set() };
    root.classList.toggle("follows", Boolean(this.chosen));
    for (const [item, element] of elements) {
      element.classList.toggle("led", led.items.has(item));
      element.classList.toggle("chosen", item === this.chosen);
    }
    for (const [edge, path] of paths) path.classList.toggle("led", led.edges.has(edge));
  }

  neighbour(by) {
    const items = [...this.drawing.elements.keys()];
    const at = items.indexOf(this.chosen);
    const item = items[Math.max(0, Math.min(items.length - 1, at + by))];
    if (!item) return;
    this.choose(item, { bring: true });
    this.drawing.elements.get(item).focus({ preventScroll: true });
  }

  say(text) {
    byId("said").textContent = text;
  }

  follow() {
    const go = () => {
      let name = "";
      try {
        name = decodeURIComponent(location.hash.slice(1));
      } catch {
        return;
      }
      const key = name && this.scene.resolve(name);
      if (key) this.show(key);
    };
    addEventListener("hashchange", go);
    go();
  }

  // ---- around the picture

  legend() {
    const { families, bodies, options } = this.data;
    const used = new Set(Object.values(bodies).flatMap((body) => body.items.map((item) => item.family)));
    const list = byId("legend").querySelector("ul");
    for (const family in families) {
      if (!used.has(family)) continue;
      const sample = shape("svg", { width: 16, height: 12, "aria-hidden": "true" });
      sample.append(shape("g", { class: `f-${family}` }, shape("rect", { x: 0.5, y: 0.5, width: 15, height: 11, rx: 3, class: "box" })));
      list.append(element("li", {}, sample, families[family]));
    }
    byId("legend").open = options.legend === true;
    byId("legend").hidden = options.legend === false || !list.children.length;
  }

  themes() {
    const choice = byId("theme");
    for (const [value, text] of THEMES) choice.append(element("option", { value }, text));
    const root = document.documentElement;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    choice.value = root.dataset.wanted === "light" ? "auto" : root.dataset.wanted;
    const paint = () => (root.dataset.theme = choice.value === "auto" ? (dark.matches ? "dark" : "light") : choice.value);
    choice.addEventListener("change", paint);
    dark.addEventListener("change", paint);
    paint();
  }

  openAll() {
    const all = this.openSome(MOST_DRAWN);
    this.redraw("");
    this.fit();
    this.say(all ? "all parts are open" : `more than ${MOST_DRAWN} boxes: some parts stay closed`);
  }

  closeAll() {
    this.scene.open.clear();
    this.chosen = null;
    this.redraw("");
    this.fit();
  }

  buttons() {
    const click = (id, act) => byId(id).addEventListener("click", act);
    click("all", () => this.openAll());
    click("none", () => this.closeAll());
    click("in", () => this.zoom(ZOOM.step));
    click("out", () => this.zoom(1 / ZOOM.step));
    click("fit", () => this.fit(true));
    click("help", () => this.help());
  }

  help() {
    byId("keys").hidden = !byId("keys").hidden;
    byId("help").setAttribute("aria-expanded", String(!byId("keys").hidden));
  }

  itemAt(target) {
    const element = target instanceof Element && target.closest(".item");
    return element ? this.scene.items.get(element.dataset.key) : null;
  }

  pointers() {
    const picture = byId("picture");
    const held = new Map();
    let moved = 0;
    picture.addEventListener("pointerdown", (event) => {
      held.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (held.size === 1) moved = 0;
    });
    addEventListener("pointermove", (event) => {
      const last = held.get(event.pointerId);
      if (!last) return;
      const now = { x: event.clientX, y: event.clientY };
      this.drag(held, event.pointerId, last, now);
      moved += Math.abs(now.x - last.x) + Math.abs(now.y - last.y);
      held.set(event.pointerId, now);
      if (moved > 4) picture.classList.add("dragged");
    });
    const release = (event) => {
      held.delete(event.pointerId);
      picture.classList.remove("dragged");
    };
    addEventListener("pointerup", release);
    addEventListener("pointercancel", release);
    picture.addEventListener("click", (event) => {
      if (moved > 4) return;
      const item = this.itemAt(event.target);
      this.tip.hide();
      if (item) this.press(item, false);
      else this.choose(null);
    });
    picture.addEventListener("dblclick", (event) => {
      const item = this.itemAt(event.target);
      if (item && item.inner && event.target.matches(".heading, .headline")) this.toggle(item);
    });
    const wheel = (event) => {
      event.preventDefault();
      if (event.shiftKey) this.move({ x: this.view.x - event.deltaX - event.deltaY });
      else this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), { x: event.clientX, y: event.clientY });
    };
    picture.addEventListener("wheel", wheel, { passive: false });
    this.hovering(picture, held);
  }

  // One finger moves the picture; two zoom it around the one that rests.
  drag(held, id, last, now) {
    const other = [...held].find(([one]) => one !== id);
    if (!other) {
      this.move({ x: this.view.x + now.x - last.x, y: this.view.y + now.y - last.y });
      return;
    }
    const apart = (point) => Math.hypot(point.x - other[1].x, point.y - other[1].y);
    this.zoom(apart(now) / Math.max(1, apart(last)), other[1]);
  }

  hovering(picture, held) {
    let timer = 0;
    const leave = () => {
      clearTimeout(timer);
      this.tip.hide();
    };
    picture.addEventListener("pointermove", (event) => {
      leave();
      const item = event.pointerType === "touch" || held.size ? null : this.itemAt(event.target);
      const onFrame = item && item.inner && !event.target.matches(".heading, .headline");
      if (item && !onFrame) timer = setTimeout(() => this.tip.show(item, event.clientX, event.clientY), 180);
    });
    picture.addEventListener("pointerleave", leave);
  }

  // Chooses an item; a closed part opens, and by the keyboard an open one closes.
  press(item, keyboard) {
    const toggles = item.opens && (!item.inner || keyboard);
    this.choose(item);
    if (toggles) this.toggle(item);
  }

  keys() {
    const stage = byId("stage");
    stage.addEventListener("keydown", (event) => {
      const item = this.itemAt(event.target);
      if (item && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        this.press(item, true);
      }
    });
    stage.addEventListener("focusin", (event) => {
      const item = this.itemAt(event.target);
      if (item && event.target.matches(":focus-visible")) this.bring(item);
    });
    addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    const by = (x, y) => () => this.move({ x: this.view.x + x, y: this.view.y + y });
    const pans = { ArrowLeft: by(60, 0), ArrowRight: by(-60, 0), ArrowUp: by(0, 60), ArrowDown: by(0, -60) };
    const keys = {
      "/": () => byId("query").focus(),
      "+": () => this.zoom(ZOOM.step),
      "=": () => this.zoom(ZOOM.step),
      "-": () => this.zoom(1 / ZOOM.step),
      0: () => this.fit(true),
      n: () => this.neighbour(1),
      p: () => this.neighbour(-1),
      e: () => this.openAll(),
      c: () => this.closeAll(),
      t: () => this.change(),
      "?": () => this.help(),
      Escape: () => this.leave(),
    };
    const act = keys[event.key] || (byId("stage").contains(event.target) && pans[event.key]);
    if (!act) return;
    event.preventDefault();
    act();
  }

  change() {
    const inTable = byId("table").contains(document.activeElement);
    const box = this.chosen && this.drawing.elements.get(this.chosen);
    const line = byId("table").querySelector("tbody tr[tabindex='0']");
    (inTable ? box || byId("stage") : line || byId("table")).focus({ preventScroll: true });
  }

  leave() {
    this.tip.hide();
    byId("keys").hidden = true;
    this.choose(null);
  }
}

// The field above the picture: rows by path, class and arguments; a further copy by its full path.
class Search {
  constructor(page) {
    this.page = page;
    this.query = byId("query");
    this.list = byId("found");
    this.at = 0;
    this.results = [];
    this.query.addEventListener("input", () => this.find());
    this.query.addEventListener("keydown", (event) => this.key(event));
    this.query.addEventListener("blur", () => setTimeout(() => this.close(), 150));
  }

  find() {
    const { records, scene } = this.page;
    const text = this.query.value.trim();
    const wanted = text.toLowerCase().split(/\s+/);
    const fits = (row) => wanted.every((word) => `${row.path} ${row.cells.join(" ")}`.toLowerCase().includes(word));
    const exact = text ? scene.resolve(text) : null;
    const rows = text ? records.list.filter(fits) : [];
    this.results = rows.slice(0, MOST_FOUND).map((row) => ({ row, name: row.path, more: `${row.cells[0]}  ${row.cells[1]}` }));
    const known = this.results.findIndex(({ row }) => row.key === exact);
    if (exact) this.results.unshift(...(known < 0 ? [{ key: exact, name: text, more: "" }] : this.results.splice(known, 1)));
    this.at = 0;
    this.show(text, rows.length);
  }

  show(text, count) {
    const lines = this.results.map((result, i) => {
      const line = element("li", { role: "option", id: `found${i}` }, result.name, element("small", {}, result.more));
      line.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        this.take(i);
      });
      return line;
    });
    if (text && !lines.length) lines.push(element("li", { role: "option", "aria-disabled": "true" }, "no layer has that"));
    this.list.replaceChildren(...lines);
    this.list.hidden = !text;
    this.query.setAttribute("aria-expanded", String(Boolean(text)));
    this.select(0);
    if (text) this.page.say(`${count} found`);
  }

  select(at) {
    this.at = Math.max(0, Math.min(this.results.length - 1, at));
    [...this.list.children].forEach((line, i) => line.setAttribute("aria-selected", String(i === this.at && this.results.length > 0)));
    const line = this.results.length ? this.list.children[this.at] : null;
    if (line) {
      this.query.setAttribute("aria-activedescendant", line.id);
      line.scrollIntoView({ block: "nearest" });
    } else {
      this.query.removeAttribute("aria-activedescendant");
    }
  }

  take(at) {
    const result = this.results[at];
    this.close();
    if (!result) return;
    if (result.row) this.page.chooseRow(result.row);
    else this.page.show(result.key);
    const box = this.page.chosen && this.page.drawing.elements.get(this.page.chosen);
    if (box) box.focus({ preventScroll: true });
  }

  close() {
    this.list.hidden = true;
    this.query.setAttribute("aria-expanded", "false");
  }

  key(event) {
    const keys = {
      ArrowDown: () => this.select(this.at + 1),
      ArrowUp: () => this.select(this.at - 1),
      Enter: () => this.take(this.at),
      Escape: () => {
        this.query.value = "";
        this.close();
        byId("stage").focus();
      },
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }
}

new Page(JSON.parse(byId("data").textContent));
document.documentElement.dataset.interactive = String(Math.round(performance.now()));
