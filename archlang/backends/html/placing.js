// Sizes and places of what a scene holds: measures the text, lays out each body by itself, and puts one into the other.
//
// Afterwards each item has x, y, w, h (its corner, in the coordinates of the scope it stands in), each scope w and h, the
// ports of open items their places on the border, and each edge a list of points.

const FONT = "system-ui, 'DejaVu Sans', Verdana, Arial, sans-serif";
const TEXT = { size: 12, line: 16, small: 10, pad: 10 };
const HEADING = 24;
const FRAME = 14;
const SLIM = new Set(["activation", "regularisation"]);
const STEPPER = 110;

const canvas = document.createElement("canvas").getContext("2d");
const widths = new Map();

function textWidth(text, size, bold = false) {
  const key = `${size}${bold}${text}`;
  if (!widths.has(key)) {
    canvas.font = `${bold ? "bold " : ""}${size}px ${FONT}`;
    widths.set(key, canvas.measureText(text).width);
  }
  return widths.get(key);
}

class Placing {
  constructor(scene, across) {
    this.scene = scene;
    this.across = across;
    this.place(scene.root);
  }

  place(scope) {
    for (const item of scope.items) this.measure(item);
    const { nodes, number } = this.nodes(scope);
    const edges = scope.edges.map((edge) => ({
      from: edge.source.item ? number.get(edge.source.item) : number.get(`in${edge.source.port}`),
      to: number.get(edge.target.item),
    }));
    const outs = scope.owner ? scope.ends.map((end, port) => ({ end, port })).filter(({ end }) => end) : [];
    outs.forEach(({ end, port }) => edges.push({ from: end.item ? number.get(end.item) : number.get(`in${end.port}`), to: number.get(`out${port}`) }));
    const labels = this.labels(scope, nodes, number);
    const gap = this.across ? 24 + labels : labels ? 32 : 24;
    const extent = layered(nodes, edges, gap);
    scope.edges.forEach((edge, e) => (edge.bends = edges[e].bends));
    this.put(scope, nodes, number, extent);
    this.lines(scope, edges, nodes, outs, number, extent);
  }

  // The nodes of the layout: ports of what flows in, items, ports of what flows out.
  nodes(scope) {
    const nodes = [];
    const number = new Map();
    const port = { left: 4, right: 4, length: 0 };
    if (scope.owner) {
      for (let p = 0; p < scope.inputs; p++) number.set(`in${p}`, nodes.push({ ...port, first: true }) - 1);
    }
    for (const item of scope.items) number.set(item, nodes.push(this.node(item)) - 1);
    if (scope.owner) scope.ends.forEach((_, p) => number.set(`out${p}`, nodes.push({ ...port, last: true }) - 1));
    return { nodes, number };
  }

  // An item as a node: its anchor is where its first line enters.
  node(item) {
    const breadth = this.across ? item.h : item.w;
    const anchor = item.inner && item.inner.places.in.length ? item.inner.places.in[0] : breadth / 2;
    return { left: anchor, right: breadth - anchor, length: this.across ? item.w : item.h };
  }

  measure(item) {
    if (item.inner) {
      this.place(item.inner);
      const head = textWidth(item.lines[0], TEXT.size, true) + 40 + (item.count > 1 ? STEPPER : 0);
      const { w, h } = item.inner;
      item.w = Math.max(w + 2 * FRAME, head);
      item.h = h + HEADING + 2 * FRAME;
      const shift = this.across ? HEADING + FRAME : (item.w - w) / 2;
      item.inner.x = this.across ? FRAME : shift;
      item.inner.y = HEADING + FRAME;
      item.inner.places = { in: item.inner.ports.in.map((x) => x + shift), out: item.inner.ports.out.map((x) => x + shift) };
      return;
    }
    if (item.symbol) {
      item.w = item.h = 24;
      return;
    }
    const slim = SLIM.has(item.family);
    const size = slim ? TEXT.small : TEXT.size;
    const widest = Math.max(...item.lines.map((line, i) => textWidth(line, i ? TEXT.small : size, item.opens && !i)));
    item.w = Math.ceil(widest) + 2 * (slim ? 7 : TEXT.pad) + (item.opens ? 20 : 0);
    item.h = item.lines.length * (slim ? 13 : TEXT.line) + (slim ? 5 : 10);
  }

  // Texts of shapes, at what they flow out of; at the end of a line where it is read in another shape than by others.
  // Makes room beside them, and returns how long the longest is.
  labels(scope, nodes, number) {
    scope.labels = [];
    const texts = new Map();
    for (const edge of scope.edges) {
      if (!edge.text || (!edge.source.item && !edge.text.includes("->"))) continue;
      const from = edge.source.item || `in${edge.source.port}`;
      const known = texts.get(from);
      if (known === undefined) texts.set(from, edge.text);
      else if (known !== edge.text) texts.set(from, edge.text.split(" -> ")[0]);
    }
    let widest = 0;
    for (const [from, text] of texts) {
      const width = textWidth(text, TEXT.small) + 8;
      scope.labels.push({ from, text });
      widest = Math.max(widest, width);
      const node = nodes[number.get(from)];
      if (!this.across) node.right = Math.max(node.right, width - 8);
    }
    return widest;
  }

  put(scope, nodes, number, extent) {
    const breadth = extent.high - extent.low;
    [scope.w, scope.h] = this.across ? [extent.length, breadth] : [breadth, extent.length];
    for (const item of scope.items) {
      const node = nodes[number.get(item)];
      const corner = node.across - extent.low - this.node(item).left;
      const along = node.along - node.length / 2;
      [item.x, item.y] = this.across ? [along, corner] : [corner, along];
    }
    const port = (name) => nodes[number.get(name)].across - extent.low;
    scope.ports = {
      in: scope.owner ? Array.from({ length: scope.inputs }, (_, p) => port(`in${p}`)) : [],
      out: scope.owner ? scope.ends.map((_, p) => port(`out${p}`)) : [],
    };
  }

  // Each edge as points: where it leaves, the straight pieces past ranks, where it ends.
  lines(scope, edges, nodes, outs, number, extent) {
    const arrivals = this.arrivals(scope, nodes, number);
    const all = [...scope.edges, ...outs.map(({ end, port }) => ({ source: end, target: { out: port }, text: "" }))];
    scope.lines = all.map((edge, e) => {
      const start = this.leaves(edge.source, nodes, number, extent);
      const bends = edges[e].bends.map((bend) => ({ across: bend.across - extent.low, from: bend.from, to: bend.to }));
      const end = this.enters(edge, arrivals, nodes, number, extent);
      return { edge, points: [start, ...bends, end] };
    });
    for (const label of scope.labels) {
      const item = typeof label.from === "string" ? null : label.from;
      const source = item ? { item, port: 0 } : { item: null, port: Number(label.from.slice(2)) };
      const spot = this.leaves(source, nodes, number, extent);
      const ways = scope.lines.filter(({ edge }) => (edge.source.item || `in${edge.source.port}`) === label.from).map(({ points }) => points[1].across);
      label.left = !this.across && ways.every((across) => across > spot.across + 1);
      [label.x, label.y] = this.across ? [spot.to + 5, spot.across - 5] : [spot.across + (label.left ? -5 : 5), spot.to + 13];
    }
    scope.edges.forEach((edge) => {
      const from = edge.source.item || `in${edge.source.port}`;
      if (!edge.text.includes("->") || scope.labels.some((label) => label.from === from && label.text === edge.text)) return;
      const end = this.enters(edge, arrivals, nodes, number, extent);
      const text = edge.text.slice(edge.text.indexOf("->"));
      const last = edge.bends[edge.bends.length - 1];
      const [across, along] = last ? [last.across - extent.low, last.to] : [end.across, end.to];
      const [x, y] = this.across ? [along - textWidth(text, TEXT.small) - 8, across - 5] : [across + 5, along - 5];
      scope.labels.push({ from, text, x, y });
    });
  }

  leaves(source, nodes, number, extent) {
    if (!source.item) {
      const node = nodes[number.get(`in${source.port}`)];
      return { across: node.across - extent.low, from: -FRAME, to: 0 };
    }
    const node = nodes[number.get(source.item)];
    const { item } = source;
    const at = item.inner && item.inner.places.out.length ? item.inner.places.out[source.port] : undefined;
    const shift = at === undefined ? 0 : at - this.node(item).left;
    const end = node.along + node.length / 2;
    return { across: node.across + shift - extent.low, from: end, to: end, rowEnd: node.rowEnd };
  }

  enters(edge, arrivals, nodes, number, extent) {
    if (edge.target.out !== undefined) {
      const node = nodes[number.get(`out${edge.target.out}`)];
      return { across: node.across - extent.low, from: extent.length, to: extent.length + FRAME };
    }
    const node = nodes[number.get(edge.target.item)];
    const begin = node.along - node.length / 2;
    return { across: arrivals.get(edge) - extent.low, from: node.rowStart, to: begin, arrow: !edge.target.item.inner };
  }

  // Where edges end: at the port of an open item; side by side where several end at one box.
  arrivals(scope, nodes, number) {
    const arrivals = new Map();
    const many = new Map();
    for (const edge of scope.edges) {
      const { item, port } = edge.target;
      const node = nodes[number.get(item)];
      if (item.inner && item.inner.places.in.length) {
        arrivals.set(edge, node.across + item.inner.places.in[port] - this.node(item).left);
        continue;
      }
      arrivals.set(edge, node.across);
      if (!many.has(item)) many.set(item, []);
      many.get(item).push(edge);
    }
    for (const [item, edges] of many) {
      const room = Math.min(18, ((this.across ? item.h : item.w) * 0.6) / Math.max(1, edges.length - 1));
      const from = (edge) => {
        const { bends } = edge;
        return bends.length ? bends[bends.length - 1].across : edge.source.item ? nodes[number.get(edge.source.item)].across : nodes[number.get(`in${edge.source.port}`)].across;
      };
      const sorted = [...edges].sort((a, b) => from(a) - from(b));
      sorted.forEach((edge, i) => arrivals.set(edge, arrivals.get(edge) + (i - (edges.length - 1) / 2) * (edges.length > 1 ? room : 0)));
    }
    return arrivals;
  }
}
