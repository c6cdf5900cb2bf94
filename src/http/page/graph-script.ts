/**
 * Where the tasks and objects of a session stand in its drawing: in columns from what is given to what is made. A graph that is too large to be drawn one by one is drawn
 * as groups, so that a drawing has a few hundred boxes at most, whatever it is of. No element is touched here.
 */
export const graphScript: string = `
/** Drawn one by one up to here. */
const mostSingle = 120;
const mostColumns = 24;
/** Names of their own in a column, of tasks and of objects each; the rest stands together. */
const mostNames = 5;

export const nameOf = (node) => node.name || node.type || node.kind;

/** How far each node is from what was given: the longest way. Links to what is not among them do not count. */
function levelsOf(nodes, edges) {
  const level = new Map();
  const missing = new Map();
  const after = new Map();
  for (const { id } of nodes) { level.set(id, 0); missing.set(id, 0); after.set(id, []); }
  for (const [from, to] of edges) {
    if (!level.has(from) || !level.has(to)) continue;
    after.get(from).push(to);
    missing.set(to, missing.get(to) + 1);
  }
  const free = nodes.filter(({ id }) => missing.get(id) === 0).map(({ id }) => id);
  for (let at = 0; at < free.length; at++) for (const to of after.get(free[at])) {
    level.set(to, Math.max(level.get(to), level.get(free[at]) + 1));
    missing.set(to, missing.get(to) - 1);
    if (missing.get(to) === 0) free.push(to);
  }
  return level;
}

/** What is at most so many links away from a node, nearest first, up to what can be drawn one by one. */
export function around(nodes, edges, id) {
  const near = new Map(nodes.map((node) => [node.id, []]));
  for (const [from, to] of edges) if (near.has(from) && near.has(to)) { near.get(from).push(to); near.get(to).push(from); }
  const found = new Set([id]);
  for (const one of found) for (const next of near.get(one) || []) if (found.size < mostSingle) found.add(next);
  return nodes.filter((node) => found.has(node.id));
}

/**
 * Boxes { key, name, kind, nodes, column, row } and links { from, to, count } between their keys. A box has all of the nodes that it stands for; with at most
 * mostSingle of them each has a box of its own.
 */
export function layOut(nodes, edges) {
  const level = levelsOf(nodes, edges);
  let deepest = 0;
  for (const one of level.values()) deepest = Math.max(deepest, one);
  const single = nodes.length <= mostSingle;
  const wide = single ? 1 : Math.max(1, Math.ceil((deepest + 1) / mostColumns));
  const columnOf = (node) => Math.floor(level.get(node.id) / wide);
  const sizes = new Map();
  if (!single) for (const node of nodes) {
    const place = columnOf(node) + ' ' + node.kind;
    if (!sizes.has(place)) sizes.set(place, new Map());
    const names = sizes.get(place);
    names.set(nameOf(node), (names.get(nameOf(node)) || 0) + 1);
  }
  const own = new Map();
  for (const [place, names] of sizes) own.set(place, new Set([...names].sort((a, b) => b[1] - a[1]).slice(0, mostNames).map(([name]) => name)));
  const boxes = new Map();
  const boxOf = new Map();
  for (const node of nodes) {
    const column = columnOf(node);
    const known = single || own.get(column + ' ' + node.kind).has(nameOf(node));
    const name = known ? nameOf(node) : 'others';
    const key = single ? String(node.id) : [column, node.kind, known ? 'is' : 'others', name].join(' ');
    let box = boxes.get(key);
    if (box === undefined) boxes.set(key, box = { key, name, kind: node.kind, nodes: [], column, row: 0 });
    box.nodes.push(node);
    boxOf.set(node.id, box);
  }
  const links = new Map();
  for (const [a, b] of edges) {
    const from = boxOf.get(a);
    const to = boxOf.get(b);
    if (from === undefined || to === undefined || from === to) continue;
    const key = from.key + ' > ' + to.key;
    const link = links.get(key);
    if (link === undefined) links.set(key, { key, from, to, count: 1 });
    else link.count += 1;
  }
  const columns = [];
  for (const box of boxes.values()) (columns[box.column] = columns[box.column] || []).push(box);
  // Each box stands near the middle of those that it comes from: fewer links cross.
  const sources = new Map();
  for (const { from, to } of links.values()) { if (!sources.has(to)) sources.set(to, []); sources.get(to).push(from); }
  for (const column of columns) {
    if (column === undefined) continue;
    const middle = new Map(column.map((box, place) => {
      const of = (sources.get(box) || []).filter((source) => source.column < box.column);
      return [box, of.length === 0 ? place : of.reduce((sum, source) => sum + source.row, 0) / of.length];
    }));
    column.sort((a, b) => middle.get(a) - middle.get(b));
    column.forEach((box, place) => { box.row = place; });
  }
  return { boxes: [...boxes.values()], links: [...links.values()], single };
}
`;
