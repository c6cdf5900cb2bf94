/** One session: its counts, its graph, and a list of what a box of it stands for. What is shown is asked for again only when the session has gone on. */
export const sessionScript: string = `
import { byId, bytes, count, getJson, h, putRows, span, time } from './base.js';
import { drawing, stateWord, tally } from './drawing.js';
import { around, layOut, nameOf } from './graph.js';

const pageSize = 1000;
/** Of one window; a session that has more is shown in parts. */
const mostNodes = 20000;
const mostListed = 100;

export function sessionView(number, { leave, close }) {
  const path = '/api/sessions/' + number;
  let info = null;
  let graph = { nodes: [], edges: [] };
  let windows = [0];
  let next = null;
  /** Of what was loaded last: when, how long it took, and where the session stood. */
  let loaded = { at: 0, took: 0, state: '' };
  /** What is asked now; it is given up when something else is. */
  let current = null;
  let left = false;
  /** The node around which is drawn; null: all. */
  let centre = null;
  let chosen = null;
  let offset = 0;
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const title = h('h2', {});
  const facts = h('p', { class: 'faint' });
  const failure = h('p', { class: 'problem' });
  const what = h('span', { class: 'faint', role: 'status' });
  const whole = h('button', { type: 'button', class: 'small', hidden: true, onclick: () => { centre = null; draw(); picture.focus(); } }, 'Show all');
  const before = h('button', { type: 'button', class: 'small', hidden: true, onclick: () => { windows.pop(); void load(true); } }, 'Before');
  const after = h('button', { type: 'button', class: 'small', hidden: true, onclick: () => { windows.push(next); void load(true); } }, 'After');
  const picture = drawing((box) => { if (box.nodes.length === 1) openNode(box.nodes[0]); else list(box); });
  const heading = h('h3', { tabindex: -1 });
  const body = h('tbody');
  const fewer = h('button', { type: 'button', onclick: () => { offset -= mostListed; listRows(); } }, 'Back');
  const more = h('button', { type: 'button', onclick: () => { offset += mostListed; listRows(); } }, 'Further');
  const members = h('div', { hidden: true }, heading,
    h('table', {}, h('colgroup', {}, h('col', { width: '132' }), h('col'), h('col', { class: 'opt', width: '84' }), h('col', { class: 'w-time' })),
      h('thead', {}, h('tr', {}, h('th', {}, 'State'), h('th', {}, 'Name'), h('th', { class: 'num opt' }, 'Number'), h('th', { class: 'num' }, 'Time, size'))), body),
    h('div', { class: 'pager' }, h('div', { class: 'row' }, fewer, more)));
  const element = h('div', {},
    h('div', { class: 'row' }, h('button', { type: 'button', class: 'small', onclick: leave }, 'All sessions'), title, h('span', { class: 'grow' }),
      h('button', { type: 'button', class: 'small danger', onclick: () => { if (info !== null) void close(info); } }, 'Close it')),
    facts, failure, problem,
    h('div', { class: 'row' }, what, whole, before, after),
    picture.element, members);

  async function load(anew = false) {
    current?.abort();
    const mine = current = new AbortController();
    try {
      const told = await getJson(path, mine.signal);
      const state = JSON.stringify([told.progress, told.nodes, told.state, windows]);
      if (mine !== current) return;
      info = told;
      showFacts();
      if (!anew && state === loaded.state) return;
      const began = performance.now();
      const nodes = [];
      const edges = [];
      let from = windows[windows.length - 1];
      while (from !== null && nodes.length < mostNodes) {
        const part = await getJson(path + '/graph?' + new URLSearchParams({ limit: pageSize, from }), mine.signal);
        if (mine !== current) return;
        for (const node of part.nodes) nodes.push(node);
        for (const edge of part.edges) edges.push(edge);
        from = part.next;
      }
      next = from;
      graph = { nodes, edges };
      loaded = { at: performance.now(), took: performance.now() - began, state };
      problem.hidden = true;
      draw();
    } catch (error) {
      if (mine !== current) return;
      problem.hidden = false;
      problem.textContent = error.message;
    } finally {
      if (mine === current) current = null;
    }
  }

  function showFacts() {
    title.textContent = info.name;
    const { progress, attached, openedAt } = info;
    facts.textContent = ['Tasks: ' + taskWords(progress), count(progress.objects) + ' objects held, ' + bytes(progress.bytes), attached ? 'its program is there' : 'its program is away', 'opened ' + time(openedAt)].join(' · ');
    failure.hidden = info.failure === null;
    failure.textContent = info.failure === null ? '' : 'Failed at task ' + info.failure.task + ' (' + (info.failure.name || info.failure.type) + '): ' + info.failure.message;
  }

  function draw() {
    if (centre !== null && !graph.nodes.some(({ id }) => id === centre)) centre = null;
    const nodes = centre === null ? graph.nodes : around(graph.nodes, graph.edges, centre);
    const layout = layOut(nodes, graph.edges);
    picture.draw(layout);
    picture.element.hidden = nodes.length === 0;
    const all = windows.length === 1 && next === null;
    what.textContent = nodes.length === 0 ? 'It has no tasks yet.'
      : centre !== null ? count(nodes.length) + ' tasks and objects around one'
      : count(nodes.length) + (all ? '' : ' of ' + count(info.nodes)) + ' tasks and objects' + (layout.single ? '' : ', in groups: choose one to see what it stands for');
    whole.hidden = centre === null;
    before.hidden = windows.length === 1;
    after.hidden = next === null;
    if (chosen !== null) {
      chosen = layout.boxes.find(({ key }) => key === chosen.key) || null;
      listRows();
    }
  }

  function list(box) {
    chosen = box;
    offset = 0;
    listRows();
    heading.focus();
  }

  function listRows() {
    members.hidden = chosen === null;
    if (chosen === null) return;
    const nodes = chosen.nodes;
    heading.textContent = chosen.name + ': ' + tally(nodes).map(([state, n]) => count(n) + ' ' + stateWord(state)).join(', ');
    putRows(body, nodes.slice(offset, offset + mostListed), ({ id }) => String(id), makeRow, updateRow);
    fewer.disabled = offset === 0;
    more.disabled = offset + mostListed >= nodes.length;
    fewer.hidden = more.hidden = nodes.length <= mostListed;
  }

  const makeRow = ({ id }) => h('tr', { tabindex: 0, onclick: () => openById(id) }, h('td', {}, h('span', { class: 'badge' })), h('td', {}), h('td', { class: 'num opt' }), h('td', { class: 'num' }));

  function updateRow(row, node) {
    const [state, name, id, size] = row.children;
    state.firstChild.className = 'badge ' + badgeOf(node.state);
    state.firstChild.textContent = stateWord(node.state);
    name.textContent = name.title = nameOf(node);
    id.textContent = node.id;
    size.textContent = sizeOf(node);
  }

  function openById(id) {
    const node = graph.nodes.find((one) => one.id === id);
    if (node !== undefined) openNode(node);
  }

  function openNode(node) {
    const dialog = byId('detail');
    const known = new Map(graph.nodes.map((one) => [one.id, one]));
    const near = (text, ids) => {
      const found = ids.map((id) => known.get(id)).filter((one) => one !== undefined);
      return found.length === 0 ? [] : [h('h3', {}, text), h('div', { class: 'row' }, found.slice(0, mostListed).map((one) => h('button', { type: 'button', class: 'small', onclick: () => openNode(one) }, nameOf(one) + ' (' + stateWord(one.state) + ')')), found.length > mostListed ? 'and ' + count(found.length - mostListed) + ' more' : '')];
    };
    const fact = (name, value) => value === null || value === '' ? [] : [h('dt', {}, name), h('dd', {}, value)];
    dialog.replaceChildren(h('div', {},
      h('div', { class: 'row' }, h('span', { class: 'badge ' + badgeOf(node.state) }, stateWord(node.state)), h('h2', {}, nameOf(node)), h('span', { class: 'grow' }),
        h('button', { type: 'button', class: 'small', onclick: () => { centre = node.id; chosen = null; members.hidden = true; dialog.close(); draw(); picture.focus(); } }, 'Show what is around it'),
        h('button', { type: 'button', class: 'small', onclick: () => dialog.close() }, 'Close')),
      h('dl', {}, fact('kind', node.kind), fact('number', node.id), fact(node.kind === 'task' ? 'runs' : 'content', node.type), fact('client', node.client),
        fact('started', time(node.startedAt)), fact('took', span(node.durationMs)), fact('size', node.size === null ? null : bytes(node.size))),
      node.failure === null ? null : [h('h3', {}, 'why it failed'), h('pre', { class: 'mono', tabindex: 0 }, node.failure)],
      near(node.kind === 'task' ? 'its inputs' : 'made by', graph.edges.filter(([, to]) => to === node.id).map(([from]) => from)),
      near(node.kind === 'task' ? 'it makes' : 'used by', graph.edges.filter(([from]) => from === node.id).map(([, to]) => to))));
    if (!dialog.open) dialog.showModal();
  }

  return {
    number, element, load,
    /** Nothing is asked of it any more: it may be gone, and a browser writes each refusal to its console. */
    end() {
      left = true;
      current?.abort();
      current = null;
    },
    /** What takes long to load is loaded seldom. */
    refresh() { return left || current !== null || performance.now() - loaded.at < 10 * loaded.took ? undefined : load(); },
    open(row) { openById(Number(row.dataset.key)); },
    onKey(event) {
      if (picture.key(event)) return true;
      if (event.key === 'g') { picture.focus(); return true; }
      if (event.key !== 'Escape') return false;
      if (centre !== null) whole.click();
      else leave();
      return true;
    },
  };
}

export function taskWords(progress) {
  const words = ['failed', 'running', 'ready', 'waiting', 'finished'].filter((name) => progress[name] > 0).map((name) => count(progress[name]) + ' ' + name);
  return words.length === 0 ? 'none' : words.join(', ');
}

const badgeOf = (state) => ({ finished: 'succeeded', removed: 'away', unfinished: 'away', assigned: 'leased' })[state] || state;
const sizeOf = (node) => node.kind === 'task' ? span(node.durationMs) : node.size === null ? '' : bytes(node.size);
`;
