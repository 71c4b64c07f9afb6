// Layered layout of one body: ranks along the flow, an order within each rank, places across (columns.js).
//
// Nodes are {left, right, length, first, last}: extents to both sides of the anchor (where lines enter), size along the
// flow, and whether the node belongs to the first or the last rank whatever it is connected to. Edges are {from, to} by
// the numbers of nodes, which stand in execution order. Nothing here knows of text, pictures or directions.

const GAP_BESIDE = 18;
const GAP_LINES = 10;
const GAP_PORT = 2;
const GAP_BENT = 22;
const MOST_BENDS = 20000;
const SWEEPS = 8;

// Gives each node `across` (its anchor), `along` (its middle) and each edge `bends` ({across, from, to}: where it runs
// straight past a rank), and returns {low, high, length}: the extents of all of it.
function layered(nodes, edges, gapAlong) {
  const rank = ranks(nodes, edges);
  const graph = withBends(nodes, edges, rank);
  const rows = ordered(graph);
  const across = columns(rows, graph);
  const [start, end] = rowExtents(rows, graph, gapAlong, across);
  nodes.forEach((node, v) => {
    node.across = across[v];
    node.along = (start[rank[v]] + end[rank[v]]) / 2;
    node.rowEnd = end[rank[v]];
    node.rowStart = start[rank[v]];
  });
  edges.forEach((edge, e) => {
    edge.bends = graph.chains[e].map((v) => ({ across: across[v], from: start[graph.rank[v]], to: end[graph.rank[v]] }));
  });
  const bends = across.slice(nodes.length);
  return {
    low: Math.min(0, ...nodes.map((n) => n.across - n.left), ...bends),
    high: Math.max(0, ...nodes.map((n) => n.across + n.right), ...bends),
    length: end.length ? end[end.length - 1] : 0,
  };
}

// The longest way from a beginning; what reads nothing stands right before its first reader.
function ranks(nodes, edges) {
  const entering = nodes.map(() => []);
  const leaving = nodes.map(() => []);
  for (const { from, to } of edges) {
    entering[to].push(from);
    leaving[from].push(to);
  }
  const inner = nodes.some((node) => node.first) ? 1 : 0;
  const rank = nodes.map(() => 0);
  nodes.forEach((node, v) => {
    if (!node.first) rank[v] = Math.max(inner, ...entering[v].map((u) => rank[u] + 1));
  });
  for (let v = nodes.length - 1; v >= 0; v--) {
    if (!entering[v].length && !nodes[v].first && leaving[v].length) {
      rank[v] = Math.max(inner, Math.min(...leaving[v].map((w) => rank[w])) - 1);
    }
  }
  const most = Math.max(0, ...rank);
  nodes.forEach((node, v) => {
    if (node.last) rank[v] = most;
  });
  return rank;
}

// The graph with a thin node wherever an edge passes a rank. `inner` marks these.
function withBends(nodes, edges, ranksOfNodes) {
  const rank = [...ranksOfNodes];
  const graph = {
    rank,
    port: nodes.map((n) => Boolean(n.first || n.last)),
    left: nodes.map((n) => n.left),
    right: nodes.map((n) => n.right),
    length: nodes.map((n) => n.length),
    inner: nodes.map(() => false),
    before: nodes.map(() => []),
    behind: nodes.map(() => []),
    chains: [],
  };
  let passed = 0;
  for (const { from, to } of edges) passed += Math.max(0, rank[to] - rank[from] - 1);
  const link = (u, v) => {
    graph.behind[u].push(v);
    graph.before[v].push(u);
  };
  for (const { from, to } of edges) {
    const chain = [];
    for (let r = rank[from] + 1; r < rank[to] && passed <= MOST_BENDS; r++) {
      chain.push(rank.length);
      rank.push(r);
      for (const sizes of [graph.left, graph.right, graph.length]) sizes.push(0);
      graph.inner.push(true);
      graph.before.push([]);
      graph.behind.push([]);
    }
    const stops = [from, ...chain, to];
    if (rank[to] > rank[from]) stops.slice(1).forEach((v, i) => link(stops[i], v));
    graph.chains.push(chain);
  }
  return graph;
}

// Nodes by rank, in the order with the fewest crossings that some sweeps find.
function ordered(graph) {
  const rows = [];
  graph.rank.forEach((rank, v) => {
    while (rows.length <= rank) rows.push([]);
    rows[rank].push(v);
  });
  const at = [];
  const number = () => rows.forEach((row) => row.forEach((v, i) => (at[v] = i)));
  number();
  let best = { crossings: crossings(rows, graph, at), rows: rows.map((row) => [...row]) };
  for (let sweep = 0; sweep < SWEEPS && best.crossings; sweep++) {
    const down = sweep % 2 === 0;
    const order = down ? rows : [...rows].reverse();
    for (const row of order) {
      const middle = new Map();
      for (const v of row) {
        const beside = down ? graph.before[v] : graph.behind[v];
        middle.set(v, beside.length ? beside.reduce((sum, u) => sum + at[u], 0) / beside.length : at[v]);
      }
      row.sort((u, v) => middle.get(u) - middle.get(v) || at[u] - at[v]);
      row.forEach((v, i) => (at[v] = i));
    }
    const found = crossings(rows, graph, at);
    if (found < best.crossings) best = { crossings: found, rows: rows.map((row) => [...row]) };
  }
  return best.rows;
}

// How many pairs of lines cross, counted between each two ranks with a tree of sums (Barth, Juenger, Mutzel 2002).
function crossings(rows, graph, at) {
  let count = 0;
  for (let r = 1; r < rows.length; r++) {
    const sums = new Array(rows[r].length + 1).fill(0);
    let seen = 0;
    for (const u of rows[r - 1]) {
      const ends = graph.behind[u].map((v) => at[v]).sort((a, b) => a - b);
      for (const end of ends) {
        let before = 0;
        for (let i = end + 1; i > 0; i -= i & -i) before += sums[i];
        count += seen - before;
      }
      for (const end of ends) {
        seen++;
        for (let i = end + 1; i < sums.length; i += i & -i) sums[i]++;
      }
    }
  }
  return count;
}

// Where each rank begins and ends along the flow. Ports are no more than ends of lines: beside them it takes room where
// these bend.
function rowExtents(rows, graph, gap, across) {
  const isPorts = (row) => row.every((v) => graph.port[v] || graph.inner[v]);
  const straight = (row) => row.every((u) => graph.behind[u].every((v) => Math.abs(across[u] - across[v]) < 1));
  const between = (row, next) => {
    if (!next || !(isPorts(row) || isPorts(next))) return gap;
    return straight(row) ? GAP_PORT : GAP_BENT;
  };
  const start = [];
  const end = [];
  let along = 0;
  rows.forEach((row, r) => {
    start.push(along);
    along += Math.max(0, ...row.map((v) => graph.length[v]));
    end.push(along);
    along += between(row, rows[r + 1]);
  });
  return [start, end];
}
