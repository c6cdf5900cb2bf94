/** The drawing of a session's graph: boxes and links, of which those that stay are changed in place, so that focus stays; moved in by the keys of arrows. */
export const drawingScript: string = `
import { count, h, span, svg } from './base.js';

const box = { width: 148, height: 40, acrossGap: 56, downGap: 14, margin: 12 };
const states = ['failed', 'running', 'assigned', 'ready', 'waiting', 'unfinished', 'finished', 'removed'];
const wordOf = { assigned: 'assigned to a client', unfinished: 'not made yet', removed: 'not held any more' };
const cut = (text, most) => text.length <= most ? text : text.slice(0, most - 1) + '…';
const x = (one) => box.margin + one.column * (box.width + box.acrossGap);
const y = (one) => box.margin + one.row * (box.height + box.downGap);

/** How many of the nodes are in each state, by how much a reader wants to know of them. */
export function tally(nodes) {
  const found = new Map();
  for (const { state } of nodes) found.set(state, (found.get(state) || 0) + 1);
  return states.filter((state) => found.has(state)).map((state) => [state, found.get(state)]);
}

export const stateWord = (state) => wordOf[state] || state;

/** chosen(box): by a click, or by Enter. */
export function drawing(chosen) {
  const lines = svg('g', { class: 'links', 'aria-hidden': true });
  const cards = svg('g', {});
  const picture = svg('svg', { class: 'graph', role: 'group', 'aria-label': 'Graph' }, lines, cards);
  const element = h('div', { class: 'graphframe' }, picture);
  let shown = [];
  let current = null;

  function keep(parent, items, make, update) {
    const old = new Map([...parent.children].map((one) => [one.dataset.key, one]));
    for (const item of items) {
      let one = old.get(item.key);
      old.delete(item.key);
      if (one === undefined) {
        one = make(item);
        one.dataset.key = item.key;
        parent.append(one);
      }
      update(one, item);
    }
    for (const one of old.values()) one.remove();
  }

  function makeCard() {
    const card = svg('g', { role: 'button', tabindex: -1 }, svg('rect', { class: 'ground', width: box.width, height: box.height, rx: 6 }), svg('text', { x: 10, y: 17 }), svg('text', { x: 10, y: 32, class: 'faint' }), svg('g', {}), svg('title', {}));
    card.addEventListener('click', () => { mark(card); chosen(card.of); });
    card.addEventListener('focus', () => mark(card));
    return card;
  }

  function updateCard(card, one) {
    card.of = one;
    const [ground, name, about, bar, title] = card.children;
    const counts = tally(one.nodes);
    const only = one.nodes.length === 1 ? one.nodes[0] : null;
    const detail = only === null
      ? count(one.nodes.length) + (one.kind === 'task' ? ' tasks' : ' objects')
      : stateWord(only.state) + (only.durationMs === null ? '' : ', ' + span(only.durationMs));
    ground.setAttribute('rx', one.kind === 'task' ? 6 : 20);
    card.setAttribute('class', 'card-' + one.kind + ' g-' + counts[0][0]);
    card.setAttribute('transform', 'translate(' + x(one) + ' ' + y(one) + ')');
    name.textContent = cut(one.name, 19);
    about.textContent = cut(detail, 22);
    const words = one.kind + ' ' + one.name + ': ' + (only === null ? counts.map(([state, n]) => count(n) + ' ' + stateWord(state)).join(', ') : detail);
    title.textContent = words;
    card.setAttribute('aria-label', words);
    let at = 10;
    bar.replaceChildren(...counts.map(([state, n]) => {
      const width = ((box.width - 20) * n) / one.nodes.length;
      const part = svg('rect', { class: 'part g-' + state, x: at, y: box.height - 5, width, height: 3 });
      at += width;
      return part;
    }));
  }

  function updateLine(line, { from, to, count: n }) {
    // Within a column a link goes round on the right.
    const forth = to.column > from.column;
    const [x1, y1, x2, y2] = [x(from) + box.width, y(from) + box.height / 2, forth ? x(to) : x(to) + box.width, y(to) + box.height / 2];
    const bend = forth ? Math.max(24, (x2 - x1) / 2) : 24;
    const turn = forth ? x2 - bend : x2 + bend;
    line.setAttribute('d', 'M' + x1 + ' ' + y1 + 'C' + (x1 + bend) + ' ' + y1 + ' ' + turn + ' ' + y2 + ' ' + x2 + ' ' + y2);
    line.setAttribute('stroke-width', Math.min(5, 1 + Math.log10(n)));
  }

  /** One box alone is reached by Tab; from it the arrows lead on. */
  function mark(card) {
    for (const one of cards.children) one.setAttribute('tabindex', one === card ? 0 : -1);
    current = card.dataset.key;
  }

  return {
    element,
    draw({ boxes, links }) {
      shown = boxes;
      const across = Math.max(0, ...boxes.map((one) => one.column)) + 1;
      const down = Math.max(0, ...boxes.map((one) => one.row)) + 1;
      const width = 2 * box.margin + across * box.width + (across - 1) * box.acrossGap;
      const height = 2 * box.margin + down * box.height + (down - 1) * box.downGap;
      picture.setAttribute('width', width);
      picture.setAttribute('height', height);
      keep(lines, links, () => svg('path', { fill: 'none' }), updateLine);
      keep(cards, boxes, makeCard, updateCard);
      const first = [...cards.children].find((card) => card.dataset.key === current) || cards.firstElementChild;
      if (first !== null) mark(first);
    },
    focus() { cards.querySelector('[tabindex="0"]')?.focus(); },
    /** Whether the key was for the drawing. */
    key(event) {
      const card = event.target.closest('.graph [role="button"]');
      if (card === null) return false;
      if (event.key === 'Enter' || event.key === ' ') { chosen(card.of); return true; }
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (step === undefined) return false;
      const at = card.of;
      const [across, down] = step;
      const ahead = shown.filter((one) => across === 0 ? one.column === at.column && (one.row - at.row) * down > 0 : (one.column - at.column) * across > 0);
      ahead.sort((a, b) => Math.abs(a.column - at.column) - Math.abs(b.column - at.column) || Math.abs(a.row - at.row) - Math.abs(b.row - at.row));
      if (ahead.length > 0) [...cards.children].find((one) => one.of === ahead[0]).focus();
      return true;
    },
  };
}
`;
