// The picture on the page: SVG elements for what was placed. All text is set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.append(...children);
  return element;
}

function words(text, x, y, kind) {
  const element = shape("text", { x, y, class: kind });
  element.textContent = text;
  return element;
}

class Drawing {
  // `act` has the functions choose(item), toggle(item), step(item, by).
  constructor(scene, across, act) {
    this.across = across;
    this.act = act;
    this.elements = new Map();
    this.paths = new Map();
    this.root = shape("g", { class: "picture" });
    this.scope(scene.root, this.root);
  }

  scope(scope, parent) {
    const lines = shape("g", { class: "lines", "aria-hidden": "true" });
    parent.append(lines);
    for (const line of scope.lines) {
      const { arrow } = line.points[line.points.length - 1];
      const path = shape("path", { d: this.route(line.points), class: arrow ? "line ends" : "line" });
      this.paths.set(line.edge, path);
      lines.append(path);
    }
    for (const item of scope.items) parent.append(this.item(item));
    const labels = shape("g", { class: "shapes", "aria-hidden": "true" });
    for (const { text, x, y, left } of scope.labels) labels.append(words(text, x, y, left ? "shape left" : "shape"));
    parent.append(labels);
  }

  // A line from rank to rank: straight past them, bent between.
  route(points) {
    const at = (across, along) => (this.across ? `${round(along)} ${round(across)}` : `${round(across)} ${round(along)}`);
    const first = points[0];
    let d = `M${at(first.across, first.from)}`;
    let [across, along] = [first.across, Math.max(first.to, first.rowEnd || 0)];
    d += `L${at(across, along)}`;
    for (const point of points.slice(1)) {
      const middle = (along + point.from) / 2;
      const end = point.arrow ? point.to - 1 : point.to;
      const from = point.arrow ? Math.min(point.from, end - 7) : point.from;
      if (Math.abs(point.across - across) < 0.5) d += `L${at(point.across, from)}`;
      else d += `C${at(across, middle)} ${at(point.across, middle)} ${at(point.across, from)}`;
      d += `L${at(point.across, end)}`;
      [across, along] = [point.across, point.to];
    }
    return d;
  }

  item(item) {
    const kinds = ["item", `f-${item.inner ? (item.count > 1 ? "copies" : "scope") : item.family}`];
    if (item.training) kinds.push("training");
    if (item.opens) kinds.push(item.inner ? "open" : "closed");
    if (SLIM.has(item.family)) kinds.push("slim");
    const group = shape("g", { class: kinds.join(" "), transform: `translate(${round(item.x)} ${round(item.y)})` });
    group.setAttribute("tabindex", "0");
    group.setAttribute("role", "button");
    group.setAttribute("aria-label", described(item));
    if (item.opens) group.setAttribute("aria-expanded", String(Boolean(item.inner)));
    group.dataset.key = item.key;
    this.elements.set(item, group);
    if (item.inner) this.frame(item, group);
    else this.box(item, group);
    return group;
  }

  box(item, group) {
    const box = { width: item.w, height: item.h, rx: item.symbol ? 12 : 5, class: "box" };
    if (item.count > 1) {
      for (const by of [6, 3]) group.append(shape("rect", { ...box, x: by, y: by, class: "box behind" }));
    }
    group.append(shape("rect", box));
    const slim = SLIM.has(item.family);
    const middle = (item.w - (item.opens ? 20 : 0)) / 2;
    if (item.symbol) {
      group.append(words(item.symbol, item.w / 2, 17, "sign"));
      return;
    }
    item.lines.forEach((line, i) => {
      const y = slim ? 13 + 13 * i : 17 + TEXT.line * i;
      group.append(words(line, middle, y, i || slim ? "small" : item.opens ? "title" : "text"));
    });
    if (item.opens) group.append(this.toggle(item, item.w - 19, item.h / 2 - 7, "+"));
  }

  frame(item, group) {
    group.append(shape("rect", { width: item.w, height: item.h, rx: 6, class: "frame" }));
    group.append(shape("path", { d: `M0 ${HEADING}V6a6 6 0 0 1 6 -6H${item.w - 6}a6 6 0 0 1 6 6V${HEADING}Z`, class: "heading" }));
    group.append(words(item.lines[0], 26, 16, "headline"));
    group.append(this.toggle(item, 6, 5, "\u2212"));
    if (item.count > 1) group.append(this.stepper(item));
    const inner = shape("g", { transform: `translate(${round(item.inner.x)} ${round(item.inner.y)})` });
    group.append(inner);
    this.scope(item.inner, inner);
  }

  toggle(item, x, y, sign) {
    const button = shape("g", { class: "toggle", transform: `translate(${x} ${y})`, "aria-hidden": "true" });
    button.append(shape("rect", { width: 14, height: 14, rx: 3 }), words(sign, 7, 11, "glyph"));
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      this.act.toggle(item);
    });
    return button;
  }

  // `< copy 2 of 36 >` on a frame of copies.
  stepper(item) {
    const group = shape("g", { class: "stepper", transform: `translate(${item.w - STEPPER + 4} 5)` });
    group.append(this.arrow(item, -1, 0, "\u2039"), words(`${(item.copy + 1).toLocaleString("en")} / ${item.count.toLocaleString("en")}`, 51, 11.5, "copy"));
    group.append(this.arrow(item, 1, 88, "\u203a"));
    return group;
  }

  arrow(item, by, x, sign) {
    const label = by > 0 ? "next copy" : "copy before";
    const button = shape("g", { class: "toggle", role: "button", tabindex: "0", "aria-label": label, transform: `translate(${x} 0)` });
    button.append(shape("rect", { width: 14, height: 14, rx: 3 }), words(sign, 7, 11, "glyph"));
    button.dataset.step = String(by);
    const press = (event) => {
      if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.act.step(item, by);
    };
    button.addEventListener("click", press);
    button.addEventListener("keydown", press);
    return button;
  }
}

const round = (number) => Math.round(number * 10) / 10;

// An item in words, for those who do not see it.
function described(item) {
  const parts = [item.lines.join(", ")];
  const path = item.alone ? item.alone.path : item.path;
  if (path && !item.lines[0].startsWith(path)) parts.push(path);
  if (item.out && item.out.length) parts.push(`output ${item.out.join(" and ")}`);
  if (item.parameters && item.parameters !== "0") parts.push(`${item.parameters} parameters`);
  if (item.shared) parts.push("shared weights");
  if (item.training) parts.push("in training only");
  return parts.join("; ");
}

// All that leads from the inputs to an item: a set of items and edges, open parts looked into.
function leadingTo(item, scene) {
  const items = new Set();
  const edges = new Set();
  const waiting = [];
  const want = (scope, source) => {
    if (!source) return;
    if (source.item) waiting.push([source.item, source.port]);
    else if (scope.owner) waiting.push([scope.owner, -1 - source.port]);
  };
  const entering = new Map();
  const collect = (scope) => {
    for (const edge of scope.edges) {
      if (!entering.has(edge.target.item)) entering.set(edge.target.item, []);
      entering.get(edge.target.item).push([edge, scope]);
    }
    for (const one of scope.items) if (one.inner) collect(one.inner);
  };
  collect(scene.root);
  const seen = new Set();
  const enter = (one, port) => {
    for (const [edge, scope] of entering.get(one) || []) {
      if (port !== undefined && edge.target.port !== port) continue;
      edges.add(edge);
      want(scope, edge.source);
    }
  };
  items.add(item);
  enter(item, undefined);
  if (item.inner) item.inner.ends.forEach((_, port) => waiting.push([item, port]));
  for (let owner = item.scope.owner; owner; owner = owner.scope.owner) items.add(owner);
  while (waiting.length) {
    const [one, port] = waiting.pop();
    const mark = `${one.key} ${port}`;
    if (seen.has(mark)) continue;
    seen.add(mark);
    items.add(one);
    if (port < 0) enter(one, -1 - port);
    else if (!one.inner) enter(one, undefined);
    else {
      const end = one.inner.ends[port];
      const line = one.inner.lines.find((known) => known.edge.target.out === port);
      if (line) edges.add(line.edge);
      if (end) want(one.inner, end);
    }
  }
  return { items, edges };
}
