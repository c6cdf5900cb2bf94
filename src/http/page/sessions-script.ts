/** The list of sessions of task graphs, and behind each the graph that it has: the two share a place on the page. */
export const sessionsScript: string = `
import { asker, bytes, confirmed, count, getJson, h, post, putRows, time } from './base.js';
import { sessionView, taskWords } from './session.js';

const pageSize = 50;

export function sessionsView() {
  let pages = [0];
  let next = null;
  let opened = null;
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const body = h('tbody');
  const empty = h('div', { class: 'empty' }, 'No session is open.');
  const place = h('span', { class: 'faint' });
  const back = h('button', { type: 'button', onclick: () => { pages.pop(); void load(); } }, 'Back');
  const further = h('button', { type: 'button', onclick: () => { if (next !== null) { pages.push(next); next = null; void load(); } } }, 'Further');
  const table = h('table', {},
    h('colgroup', {}, h('col', { class: 'w-host' }), h('col', { width: '88' }), h('col'), h('col', { class: 'opt w-tags' }), h('col', { class: 'opt w-tags' }), h('col', { width: '88' })),
    h('thead', {}, h('tr', {}, h('th', {}, 'Session'), h('th', {}, 'State'), h('th', {}, 'Tasks'), h('th', { class: 'opt' }, 'Objects held'), h('th', { class: 'opt' }, 'Opened'), h('th', {}))),
    body);
  const list = h('div', {}, problem, table, empty, h('div', { class: 'pager' }, h('div', { class: 'row' }, back, further, place)));
  const element = h('div', {}, list);

  const asked = asker(problem, table, (signal) => getJson('/api/sessions?' + new URLSearchParams({ limit: pageSize, from: pages[pages.length - 1] }), signal), (page) => {
    next = page.next;
    putRows(body, page.sessions, (session) => String(session.session), makeRow, updateRow);
    table.hidden = page.sessions.length === 0;
    empty.hidden = page.sessions.length > 0;
    back.hidden = further.hidden = pages.length === 1 && next === null;
    back.disabled = pages.length === 1;
    further.disabled = next === null;
    place.textContent = back.hidden ? '' : 'page ' + count(pages.length);
  });
  const load = () => opened === null ? asked.load() : opened.load();

  function makeRow(session) {
    return h('tr', { tabindex: 0, onclick: (event) => { if (!event.target.closest('button')) enter(session.session); } },
      h('td', {}), h('td', {}, h('span', { class: 'badge' })), h('td', {}), h('td', { class: 'opt' }), h('td', { class: 'opt' }),
      h('td', { class: 'acts' }, h('button', { type: 'button', class: 'small danger', 'data-act': 'cancel', onclick: () => void close(session) }, 'Close')));
  }

  function updateRow(row, { name, state, attached, openedAt, progress, failure }) {
    const [title, badge, tasks, objects, opened] = row.children;
    title.textContent = name;
    title.title = name + (failure === null ? '' : ': ' + failure.message);
    const word = state === 'failed' ? 'failed' : attached ? 'open' : 'away';
    badge.firstChild.className = 'badge ' + word;
    badge.firstChild.textContent = word;
    tasks.textContent = tasks.title = taskWords(progress);
    objects.textContent = count(progress.objects) + ', ' + bytes(progress.bytes);
    opened.textContent = time(openedAt);
  }

  async function close({ session, name }) {
    if (!(await confirmed('Close the session ' + name + '? Its tasks end and its objects go.', 'Close it'))) return;
    opened?.end();
    await post('/api/sessions/' + session + '/close').catch((error) => { problem.hidden = false; problem.textContent = error.message; });
    if (opened !== null) leave();
    else await load();
  }

  function enter(number) {
    opened = sessionView(number, { leave, close });
    element.replaceChildren(opened.element);
    history.replaceState(null, '', '#sessions/' + number);
    void opened.load();
  }

  function leave() {
    const number = opened.number;
    opened.end();
    opened = null;
    element.replaceChildren(list);
    history.replaceState(null, '', '#sessions');
    void load().then(() => body.querySelector('[data-key="' + number + '"]')?.focus());
  }

  const wanted = /^#sessions\\/(\\d+)$/.exec(location.hash);
  if (wanted !== null) enter(Number(wanted[1]));

  return {
    name: 'sessions', title: 'Sessions', key: 's', element, load,
    get path() { return opened === null ? 'sessions' : 'sessions/' + opened.number; },
    refresh() { if (opened !== null) void opened.refresh(); else asked.refresh(); },
    act(row, what) { row.querySelector('[data-act="' + what + '"]')?.click(); },
    open(row) { if (opened === null) enter(Number(row.dataset.key)); else opened.open(row); },
    /** Whether the key was for the graph. */
    onKey(event) { return opened !== null && opened.onKey(event); },
  };
}
`;
