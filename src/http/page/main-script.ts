/** The page as a whole: counts, throughput, the lists behind their tabs, and the keys. A further view is one entry of `views`. */
export const mainScript: string = `
import { about, byId, count, getJson, h, listen, rate, svg } from './base.js';
import { clientsView } from './clients.js';
import { sessionsView } from './sessions.js';
import { tasksView } from './tasks.js';

/** What a view is: { name, title, key, element, load(), refresh(), act(row, what), open(row) }, and where it has them search (a field), path (in place of its name), onKey(event). */
const tasks = tasksView();
const views = [tasks, clientsView(), sessionsView()];
let shown = null;

// ---- counts ----

const failures = (p) => p.failed + p.timedOut + p.lost + p.rejected;
const tiles = [
  ['tasks a second', '', (p) => rate(p.tasksPerSecond)],
  [(p) => p.slots === 0 ? 'running' : 'of ' + count(p.slots) + ' slots', 'busy', (p) => count(p.running)],
  ['ready', '', (p) => count(p.ready)],
  ['waiting', '', (p) => count(p.waiting)],
  ['succeeded', 'ok', (p) => count(p.succeeded)],
  ['failed', 'bad', (p) => count(failures(p))],
  ['cancelled', '', (p) => count(p.cancelled)],
  ['clients', '', (p) => count(p.clients)],
  ['time left', '', (p) => p.etaMs === null || p.pending === 0 ? '–' : about(p.etaMs)],
].map(([text, style, of]) => {
  const value = h('b', {}, '–');
  const label = h('span', {}, typeof text === 'string' ? text : 'running');
  const tile = h('div', { class: 'tile ' + style }, value, label);
  byId('tiles').append(tile);
  return { tile, value, of, label, text };
});

const bars = [['waiting', (p) => p.waiting], ['ready', (p) => p.ready], ['leased', (p) => p.leased], ['running', (p) => p.running], ['succeeded', (p) => p.succeeded], ['failed', failures], ['cancelled', (p) => p.cancelled]].map(([name, of]) => {
  const part = h('i', { class: 's-' + name });
  const number = h('span');
  return { name, of, part, number, legend: h('span', {}, h('i', { class: 'dot s-' + name }), name + ' ', number) };
});
byId('states').append(h('div', { class: 'bar', 'aria-hidden': true }, bars.map(({ part }) => part)), ...bars.map(({ legend }) => legend));

function showProgress(progress) {
  for (const { tile, value, of, label, text } of tiles) {
    value.textContent = value.title = of(progress);
    tile.classList.toggle('none', value.textContent === '0');
    if (typeof text === 'function') label.textContent = label.title = text(progress);
  }
  for (const { of, part, number } of bars) {
    part.style.flexGrow = of(progress);
    number.textContent = count(of(progress));
  }
  showAlarm(progress.stalled || null);
  document.title = (progress.running > 0 ? count(progress.running) + ' running · ' : '') + 'Millrace';
}

function showAlarm(stalled) {
  byId('alarm').hidden = stalled === null;
  byId('alarm').textContent = stalled === null ? '' : 'The database cannot be written: ' + stalled.message + ' Nothing is accepted or recorded until it can.';
}

// ---- throughput ----

const samples = [];
const area = svg('path', { class: 'area' });
const line = svg('path', { class: 'line' });
byId('chart').append(area, line);

function addSamples(list) {
  samples.push(...list);
  samples.splice(0, samples.length - 600);
  const highest = Math.max(0, ...samples.map((sample) => sample.perSecond));
  const most = Math.max(1, highest);
  const step = 600 / Math.max(1, Math.max(samples.length, 60) - 1);
  const points = samples.map(({ perSecond }, i) => (600 - (samples.length - 1 - i) * step).toFixed(1) + ' ' + (118 - (perSecond / most) * 112).toFixed(1));
  line.setAttribute('d', points.length === 0 ? '' : 'M' + points.join('L'));
  area.setAttribute('d', points.length === 0 ? '' : 'M' + points[0].split(' ')[0] + ' 120L' + points.join('L') + 'L600 120Z');
  const minutes = Math.max(1, Math.round(samples.length / 60));
  const lately = 'in the last ' + (minutes === 1 ? 'minute' : minutes + ' minutes');
  const text = highest === 0 ? 'none ended ' + lately : 'at most ' + rate(highest) + '/s ' + lately;
  byId('peak').textContent = text;
  byId('chart').setAttribute('aria-label', 'Tasks that ended a second: ' + text + ', now ' + rate(samples.length === 0 ? 0 : samples[samples.length - 1].perSecond) + '/s');
}

// ---- lists ----

for (const view of views) {
  view.tab = h('button', { type: 'button', role: 'tab', id: 'tab-' + view.name, 'aria-controls': 'list', onclick: () => show(view) }, view.title);
  byId('tabs').append(view.tab);
}

function show(view) {
  shown = view;
  for (const one of views) one.tab.setAttribute('aria-selected', one === view);
  byId('list').setAttribute('aria-labelledby', view.tab.id);
  byId('list').replaceChildren(view.element);
  history.replaceState(null, '', '#' + (view.path || view.name));
  void view.load();
}

/** A list is asked for again two seconds after the last time, and only while somebody can see it. */
setInterval(() => {
  if (document.visibilityState === 'visible' && !byId('detail').open && !byId('ask').open) shown.refresh();
}, 2000);

// ---- keys ----

const keys = [['/', 'search'], ['t', 'tasks'], ['c', 'clients'], ['s', 'sessions'], ['g', 'the graph of a session'], ['arrows', 'from box to box in it'], ['j k', 'next and previous row'], ['Enter', 'open it'], ['x', 'cancel it'], ['r', 'retry it'], ['?', 'this list'], ['Esc', 'close']];

function showKeys() {
  const dialog = byId('ask');
  dialog.oncancel = null;
  dialog.replaceChildren(h('h2', {}, 'Keys'), h('dl', {}, keys.map(([key, text]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, text)])),
    h('div', { class: 'row end' }, h('button', { type: 'button', onclick: () => dialog.close() }, 'Close')));
  dialog.showModal();
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId('ask').open || byId('detail').open) return;
  const target = event.target;
  if (target.closest('input, select')) {
    if (event.key === 'Escape') target.blur();
    return;
  }
  const rows = [...byId('list').querySelectorAll('tbody tr')];
  const row = target.closest('tbody tr');
  const at = rows.indexOf(row);
  const view = views.find(({ key }) => key === event.key);
  if (shown.onKey?.(event)) { /* It was for the view. */ }
  else if (view !== undefined) show(view);
  else if (event.key === '/') shown.search?.focus();
  else if (event.key === '?') showKeys();
  else if (event.key === 'j' || (event.key === 'ArrowDown' && row)) rows[Math.min(at + 1, rows.length - 1)]?.focus();
  else if (event.key === 'k' || (event.key === 'ArrowUp' && row)) rows[Math.max(at - 1, 0)]?.focus();
  else if (event.key === 'Enter' && row === target && row) shown.open(row);
  else if (event.key === 'x' && row) shown.act(row, 'cancel');
  else if (event.key === 'r' && row) shown.act(row, 'retry');
  else return;
  event.preventDefault();
});

byId('keys').onclick = showKeys;
const themeName = 'millrace-theme';
const setTheme = (theme) => { if (theme) document.documentElement.dataset.theme = theme; };
setTheme(localStorage.getItem(themeName));
byId('theme').onclick = () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  setTheme(dark ? 'light' : 'dark');
  localStorage.setItem(themeName, dark ? 'light' : 'dark');
};

// ---- begin ----

show(views.find(({ name }) => name === location.hash.slice(1).split('/')[0]) || tasks);
const link = byId('link');
const told = { progress: showProgress, stalled: showAlarm, throughput: (sample) => addSamples([sample]), clientJoined() {}, clientLeft() {} };
void listen(Object.keys(told), (name, value) => told[name](value), (live) => {
  link.textContent = live ? 'live' : 'no answer from the server; trying again';
  link.className = 'link ' + (live ? 'live' : 'lost');
  if (!live) return;
  void getJson('/api/progress').then(showProgress, () => {});
  void getJson('/api/throughput').then((list) => { samples.length = 0; addSamples(list); }, () => {});
});
`;
