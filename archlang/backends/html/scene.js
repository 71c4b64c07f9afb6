// What is on the screen, as a tree: items, and the body inside each one that is open, with the names of that very copy.
//
// A key says where an item stands: steps `body.node/` through parts, `body.node.run.copy/` through repeats, and at the end
// `body.node`, or `body.node.run.*` for copies that look alike. The table has the same keys.

class Scene {
  constructor(data) {
    this.data = data;
    this.open = new Set();
    this.copies = new Map();
    this.build();
  }

  // Makes the tree anew from what is open.
  build() {
    this.items = new Map();
    this.root = this.scope(null);
    const { inputs, outputs, root, options } = this.data;
    const given = inputs.map((input) => {
      const lines = [`${input.name}  ${input.shape}`];
      return { item: this.add(this.root, { key: `input.${input.name}`, path: input.name, family: "input", lines, out: [input.shape] }), port: 0 };
    });
    const ends = this.addBody(this.root, root, { prefix: "", starts: {}, chain: "" }, given);
    outputs.forEach((output, number) => {
      const name = output.training ? `${output.name} (in training)` : output.name;
      const item = this.add(this.root, { key: `output.${number}`, path: "", family: "output", lines: [`${name}  ${output.shape}`], out: [], training: output.training });
      this.lead(this.root, [ends[number]], item, [options.shapes ? output.shape : ""]);
    });
  }

  scope(owner) {
    return { owner, items: [], edges: [], ends: [] };
  }

  add(scope, fields) {
    const item = { scope, inner: null, ...fields };
    scope.items.push(item);
    this.items.set(item.key, item);
    return item;
  }

  lead(scope, sources, item, texts) {
    sources.forEach((source, port) => {
      if (source) scope.edges.push({ source, target: { item, port }, text: texts[port] || "" });
    });
  }

  // Adds the boxes of a copy of a body, and returns what flows out. `at` is where it stands: {prefix, starts, chain}.
  addBody(scope, number, at, inputs) {
    const body = this.data.bodies[number];
    const made = [];
    const value = ([node, port]) => (node < 0 ? inputs[port] : made[node] && made[node][port]);
    for (const node of body.items) {
      const sources = node.in.map(value);
      const texts = node.in.map((wire) => (this.data.options.shapes ? wire[2] : ""));
      const make = node.groups ? this.addRepeat : this.addPart;
      made.push(make.call(this, scope, number, node, at, sources, texts));
    }
    return body.outs.map(value);
  }

  addPart(scope, number, node, at, sources, texts) {
    const name = nameText(node.name, at.starts);
    const path = at.prefix + name;
    const key = `${at.chain}${number}.${node.i}`;
    const lines = node.lines[0] ? node.lines : [name, ...node.lines.slice(1)];
    const item = this.add(scope, { ...node, key, path, lines, node, opens: node.body !== undefined });
    for (const index of node.also || []) this.items.set(`${at.chain}${number}.${index}`, item);
    this.lead(scope, sources, item, texts);
    if (item.opens && this.open.has(key)) {
      this.openPart(item, node.body, { prefix: `${path}.`, starts: {}, chain: `${key}/` }, sources.length);
    }
    return node.out.map((_, port) => ({ item, port }));
  }

  openPart(item, body, at, inputs) {
    item.inner = this.scope(item);
    const given = Array.from({ length: inputs }, (_, port) => ({ item: null, port }));
    item.inner.ends = this.addBody(item.inner, body, at, given);
    item.inner.inputs = inputs;
  }

  // Copies in a row: those that look alike as one item, one that is alone as its own boxes.
  addRepeat(scope, number, node, at, sources, texts) {
    let flowing = sources[0];
    let text = texts[0];
    const starts = this.runStarts(node, at.starts);
    for (const group of node.groups) {
      const given = [flowing, ...sources.slice(1)];
      const chain = `${at.chain}${number}.${node.i}.`;
      if (group.count === 1) {
        const run = group.runs[0];
        const inner = { prefix: at.prefix, starts: starts[run], chain: `${chain}${run}.0/` };
        [flowing] = this.addBody(scope, node.runs[run].body, inner, given);
      } else {
        flowing = this.addCopies(scope, node, group, { ...at, chain }, starts, given, [text, ...texts.slice(1)]);
      }
      text = this.data.options.shapes ? group.out[0] || "" : "";
    }
    return [flowing];
  }

  addCopies(scope, node, group, at, starts, sources, texts) {
    const key = `${at.chain}${group.runs[0]}.*`;
    const [run, copy] = copyOf(node, group, this.copies.get(key) || 0);
    const body = node.runs[run].body;
    const inside = { prefix: at.prefix, starts: advanced(starts[run], this.data.bodies[body].names, copy), chain: `${at.chain}${run}.${copy}/` };
    const item = this.add(scope, { ...group, key, path: "", family: "copies", node, opens: true, training: node.training });
    item.copy = this.copies.get(key) || 0;
    this.lead(scope, sources, item, texts);
    if (group.alone) {
      const call = this.data.bodies[body].items[0];
      item.alone = { key: `${inside.chain}${body}.${call.i}`, path: inside.prefix + nameText(call.name, inside.starts) };
      this.items.set(item.alone.key, item);
    }
    if (this.open.has(key)) this.openCopy(item, body, inside, sources.length);
    return group.out.length ? { item, port: 0 } : undefined;
  }

  // One copy of those in a row; a copy that is a part and nothing else shows what is in that part.
  openCopy(item, body, at, inputs) {
    if (!item.alone) {
      this.openPart(item, body, at, inputs);
      return;
    }
    const whole = this.data.bodies[body];
    const call = whole.items[0];
    item.inner = this.scope(item);
    item.inner.inputs = inputs;
    const given = call.in.map(([, port]) => ({ item: null, port }));
    const inside = { prefix: `${item.alone.path}.`, starts: {}, chain: `${item.alone.key}/` };
    const made = this.addBody(item.inner, call.body, inside, given);
    item.inner.ends = whole.outs.map(([node, port]) => (node < 0 ? { item: null, port } : made[port]));
  }

  // Where the automatic names of the first copy of each run start.
  runStarts(node, starts) {
    let now = { ...starts };
    for (const base in node.starts) now[base] = (starts[base] || 0) + node.starts[base];
    return node.runs.map((run) => {
      const mine = now;
      if (run.count && this.data.bodies[run.body]) now = advanced(now, this.data.bodies[run.body].names, run.count);
      return mine;
    });
  }

  // Opens all that a key lies in, at the copies that it names, and returns the key of the item to look at.
  reveal(key) {
    const steps = key.split("/");
    let chain = "";
    let found = key;
    steps.forEach((step, level) => {
      const last = level === steps.length - 1;
      const [body, index, run, copy] = step.split(".");
      const node = this.data.bodies[body] && this.data.bodies[body].items.find((one) => String(one.i) === index);
      if (run !== undefined && node) {
        const group = node.groups.find((one) => one.runs.includes(Number(run)));
        if (group && group.count > 1) {
          found = `${chain}${body}.${index}.${group.runs[0]}.*`;
          if (!last) {
            this.open.add(found);
            this.copies.set(found, copyNumber(node, group, Number(run), Number(copy)));
          }
        }
      } else if (!last) {
        this.open.add(chain + step);
      }
      if (last && run === undefined) found = chain + step;
      chain += `${step}/`;
    });
    this.build();
    return found;
  }

  // The key of the part with a path, or null; in a row of copies of any one of them.
  resolve(path) {
    if (this.data.inputs.some((input) => input.name === path)) return `input.${path}`;
    return this.find(this.data.root, {}, "", path.split("."));
  }

  find(number, starts, chain, words) {
    for (const node of this.data.bodies[number].items) {
      const here = `${chain}${number}.${node.i}`;
      if (!node.groups) {
        const name = nameText(node.name, starts);
        const taken = name.split(".").length;
        if (words.slice(0, taken).join(".") !== name) continue;
        if (words.length === taken) return here;
        const found = node.body === undefined ? null : this.find(node.body, {}, `${here}/`, words.slice(taken));
        if (found) return found;
        continue;
      }
      const found = this.findCopy(node, starts, here, words);
      if (found) return found;
    }
    return null;
  }

  findCopy(node, starts, here, words) {
    const runs = this.runStarts(node, starts);
    for (let run = 0; run < node.runs.length; run++) {
      const { body, count } = node.runs[run];
      if (!count || !this.data.bodies[body]) continue;
      let now = runs[run];
      for (let copy = 0; copy < Math.min(count, MOST_SEARCHED); copy++) {
        const found = this.find(body, now, `${here}.${run}.${copy}/`, words);
        if (found) return found;
        now = advanced(now, this.data.bodies[body].names, 1);
      }
    }
    return null;
  }
}

const MOST_SEARCHED = 10000;

// A relative name in full, as `name_text` of ir/walk.py.
function nameText(name, starts) {
  if (!name) return "";
  const [base, index] = name;
  if (index === null) return base;
  const number = (starts[base] || 0) + index;
  return base ? `${base}${number + 1}` : String(number);
}

function advanced(starts, names, count) {
  const behind = { ...starts };
  for (const base in names) behind[base] = (starts[base] || 0) + names[base] * count;
  return behind;
}

// The run and the copy in it of copy number `number` of a group; and the number again.
function copyOf(node, group, number) {
  for (const run of group.runs) {
    if (number < node.runs[run].count) return [run, number];
    number -= node.runs[run].count;
  }
  return [group.runs[0], 0];
}

function copyNumber(node, group, run, copy) {
  let before = 0;
  for (const other of group.runs) {
    if (other === run) return before + copy;
    before += node.runs[other].count;
  }
  return 0;
}
