// Places across the flow: lines as straight as can be (Brandes and Koepf, "Fast and simple horizontal coordinate
// assignment", 2001). Four layouts, pulled to each corner, of which each node takes the middle.

function columns(rows, graph) {
  const conflicts = crossedBends(rows, graph);
  const layouts = [];
  for (const upwards of [false, true]) {
    for (const mirrored of [false, true]) {
      const turned = (upwards ? [...rows].reverse() : rows).map((row) => (mirrored ? [...row].reverse() : row));
      const chains = aligned(turned, upwards ? graph.behind : graph.before, conflicts);
      const across = compacted(turned, chains, graph, mirrored);
      layouts.push(mirrored ? across.map((x) => -x) : across);
    }
  }
  return middles(layouts, graph);
}

const pair = (u, v) => (u < v ? `${u},${v}` : `${v},${u}`);

// Lines that cross one between two bends: the latter is to be straight.
function crossedBends(rows, graph) {
  const conflicts = new Set();
  const at = [];
  rows.forEach((row) => row.forEach((v, i) => (at[v] = i)));
  const straight = (v) => (graph.inner[v] ? graph.before[v].find((u) => graph.inner[u]) : undefined);
  for (let r = 1; r < rows.length; r++) {
    let low = 0;
    let done = 0;
    rows[r].forEach((v, i) => {
      const end = straight(v);
      if (end === undefined && i < rows[r].length - 1) return;
      const high = end === undefined ? rows[r - 1].length : at[end];
      for (; done <= i; done++) {
        const w = rows[r][done];
        for (const u of graph.before[w]) {
          if ((at[u] < low || at[u] > high) && !(graph.inner[u] && graph.inner[w])) conflicts.add(pair(u, w));
        }
      }
      low = high;
    });
  }
  return conflicts;
}

// Each node with the middle one of its neighbours in the rank before, unless that would cross a line already chosen.
function aligned(rows, before, conflicts) {
  const at = [];
  rows.forEach((row) => row.forEach((v, i) => (at[v] = i)));
  const root = before.map((_, v) => v);
  const next = before.map((_, v) => v);
  for (const row of rows) {
    let last = -1;
    for (const v of row) {
      const beside = [...before[v]].sort((a, b) => at[a] - at[b]);
      const middle = (beside.length - 1) / 2;
      for (const i of [Math.floor(middle), Math.ceil(middle)]) {
        const u = beside[i];
        if (u === undefined || next[v] !== v || at[u] <= last || conflicts.has(pair(u, v))) continue;
        next[u] = v;
        next[v] = root[v] = root[u];
        last = at[u];
      }
    }
  }
  return root;
}

// Chains as close as their widest neighbours allow, from the left; then pulled right where there is room.
function compacted(rows, root, graph, mirrored) {
  const after = new Map();
  const count = new Map();
  for (const row of rows) {
    row.forEach((v, i) => {
      if (!after.has(root[v])) after.set(root[v], new Map());
      if (!i) return;
      const u = row[i - 1];
      const gap = graph.inner[u] || graph.inner[v] ? GAP_LINES : GAP_BESIDE;
      const apart = gap + (mirrored ? graph.left[u] + graph.right[v] : graph.right[u] + graph.left[v]);
      const known = after.get(root[u]);
      if (!known.has(root[v])) count.set(root[v], (count.get(root[v]) || 0) + 1);
      known.set(root[v], Math.max(known.get(root[v]) || 0, apart));
    });
  }
  const order = [...after.keys()].filter((v) => !count.get(v));
  const place = new Map(order.map((v) => [v, 0]));
  for (let i = 0; i < order.length; i++) {
    for (const [v, apart] of after.get(order[i])) {
      place.set(v, Math.max(place.get(v) || 0, place.get(order[i]) + apart));
      count.set(v, count.get(v) - 1);
      if (!count.get(v)) order.push(v);
    }
  }
  for (const u of order.reverse()) {
    const room = Math.min(...[...after.get(u)].map(([v, apart]) => place.get(v) - apart));
    if (room !== Infinity) place.set(u, Math.max(place.get(u), room));
  }
  return root.map((v) => place.get(v) || 0);
}

// The four layouts moved onto the narrowest, those from the left by their left end; of each node the two in the middle.
function middles(layouts, graph) {
  const ends = layouts.map((across) => {
    const low = across.reduce((least, x, v) => Math.min(least, x - graph.left[v]), Infinity);
    const high = across.reduce((most, x, v) => Math.max(most, x + graph.right[v]), -Infinity);
    return { low, high, width: high - low };
  });
  const narrow = ends.reduce((a, b) => (b.width < a.width ? b : a), ends[0]);
  const moved = layouts.map((across, i) => {
    const by = i % 2 ? narrow.high - ends[i].high : narrow.low - ends[i].low;
    return across.map((x) => x + by);
  });
  return moved[0].map((_, v) => {
    const sorted = moved.map((across) => across[v]).sort((a, b) => a - b);
    return (sorted[1] + sorted[2]) / 2;
  });
}
