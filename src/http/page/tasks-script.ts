/** The list of tasks: by state, tags and conditions, a page at a time, newest first; one of them with its output; cancel and retry. */
export const tasksScript: string = `
import { about, asker, byId, confirmed, count, getJson, h, post, putRows, request, span, time } from './base.js';

const pageSize = 50;
const kinds = [
  ['running', 'Running', { state: 'running' }, 'Nothing runs now.'],
  ['failed', 'Failed', { outcome: 'failed' }, 'None has failed.'],
  ['timeout', 'Timed out', { outcome: 'timeout' }, 'None ran out of time.'],
  ['lost', 'Lost', { outcome: 'lost' }, 'None was lost.'],
  ['rejected', 'Rejected', { outcome: 'rejected' }, 'None was rejected.'],
  ['ready', 'Ready', { state: 'ready' }, 'None is ready and waits for a client.'],
  ['waiting', 'Waiting', { state: 'waiting' }, 'None waits for its time or for others.'],
  ['leased', 'Leased', { state: 'leased' }, 'None stands at a client and has not begun.'],
  ['succeeded', 'Succeeded', { outcome: 'succeeded' }, 'None has succeeded yet.'],
  ['cancelled', 'Cancelled', { outcome: 'cancelled' }, 'None was cancelled.'],
  ['all', 'All', {}, 'There are no tasks yet.'],
];

/** A comma that parts two conditions is told by what comes behind it. */
const betweenConditions = /,(?=\\s*[\\w.+-]+\\s*(?:[=!<>]=|[<>~]))/;

export function tasksView() {
  /** Where each page that was seen begins; the last one is shown. */
  let pages = [null];
  let next = null;
  /** What is searched for and not answered yet; null: nothing. */
  let sought = null;
  const kind = h('select', { onchange: restart }, kinds.map(([name, text]) => h('option', { value: name }, text)));
  const tag = h('input', { type: 'search', placeholder: 'key or key:value', onchange: restart });
  const where = h('input', { type: 'search', placeholder: "args ~ ^test, exitStatus != 0", onchange: restart, id: 'search' });
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const body = h('tbody');
  const empty = h('div', { class: 'empty' });
  const place = h('span', { class: 'faint' });
  const newer = h('button', { type: 'button', onclick: () => { pages.pop(); void load(); } }, 'Newer');
  const older = h('button', { type: 'button', onclick: () => turn(next) }, 'Older');
  const cancelAll = h('button', { type: 'button', class: 'danger', onclick: () => void changeAll('cancel', 'Cancel') }, 'Cancel all of these');
  const retryAll = h('button', { type: 'button', onclick: () => void changeAll('retry', 'Retry') }, 'Retry all of these');

  const table = h('table', {},
    h('colgroup', {}, h('col', { class: 'w-state' }), h('col'), h('col', { class: 'opt', width: '22%' }), h('col', { class: 'opt', width: '84' }), h('col', { class: 'opt', width: '96' }), h('col', { class: 'w-acts' })),
    h('thead', {}, h('tr', {}, h('th', {}, 'State'), h('th', {}, 'Task'), h('th', { class: 'opt' }, 'Tags'), h('th', { class: 'num opt' }, 'Attempt'), h('th', { class: 'num opt' }, 'Time'), h('th', {}))),
    body);
  const element = h('div', {},
    h('form', { class: 'tools', onsubmit: (event) => { event.preventDefault(); restart(); } },
      h('label', {}, 'Show', kind), h('label', { class: 'wide' }, 'Tag', tag), h('label', { class: 'wide' }, 'Condition', where),
      h('button', { type: 'submit' }, 'Search')),
    problem, table, empty,
    h('div', { class: 'pager' }, h('div', { class: 'row' }, newer, older, place), h('div', { class: 'row' }, retryAll, cancelAll)));

  function query() {
    const fields = new URLSearchParams(kinds.find(([name]) => name === kind.value)[2]);
    for (const one of tag.value.split(',')) if (one.trim() !== '') fields.append('tag', one.trim());
    for (const one of where.value.split(betweenConditions)) if (one.trim() !== '') fields.append('where', one.trim());
    return fields;
  }

  /** A field that is left by Enter says so twice. */
  function restart() {
    const words = String(query());
    if (words === sought) return;
    sought = words;
    pages = [null];
    void load().then(() => { if (sought === words) sought = null; });
  }

  /** Twice before the answer is once: there is no other page known. */
  function turn(to) {
    if (to === null) return;
    next = null;
    pages.push(to);
    void load();
  }

  const { load, refresh } = asker(problem, table, (signal) => {
    const fields = query();
    fields.set('limit', pageSize);
    fields.set('desc', 'true');
    const from = pages[pages.length - 1];
    if (from !== null) fields.set('after', from);
    return getJson('/api/tasks?' + fields, signal);
  }, (page) => {
    next = page.tasks.length < pageSize ? null : page.next;
    show(page.tasks);
  });

  function show(tasks) {
    putRows(body, tasks, (task) => task.id, makeRow, updateRow);
    table.hidden = tasks.length === 0;
    empty.hidden = tasks.length > 0;
    empty.textContent = tag.value.trim() + where.value.trim() === '' ? kinds.find(([name]) => name === kind.value)[3] : 'No such tasks.';
    newer.hidden = older.hidden = pages.length === 1 && next === null;
    newer.disabled = pages.length === 1;
    older.disabled = next === null;
    place.textContent = newer.hidden ? '' : 'page ' + count(pages.length);
    cancelAll.disabled = retryAll.disabled = tasks.length === 0;
    cancelAll.hidden = tasks.every((task) => task.state === 'done' || task.outcome);
    retryAll.hidden = !tasks.some(canRetry);
  }

  function makeRow(task) {
    const row = h('tr', { tabindex: 0, onclick: (event) => { if (!event.target.closest('button')) void openTask(task.id); } },
      h('td', {}, h('span', { class: 'badge' })), h('td', { class: 'mono' }), h('td', { class: 'opt' }), h('td', { class: 'num opt' }), h('td', { class: 'num opt' }), h('td', { class: 'acts' }));
    return row;
  }

  function updateRow(row, task) {
    const [state, args, tags, attempt, took, acts] = row.children;
    const name = task.outcome || task.state;
    took.textContent = task.state === 'running' ? (task.runningMs === undefined ? '' : about(task.runningMs)) : task.durationMs === undefined ? '' : span(task.durationMs);
    const told = JSON.stringify([name, task.attempt, task.tags]);
    if (row.dataset.told === told) return;
    row.dataset.told = told;
    state.firstChild.className = 'badge ' + name;
    state.firstChild.textContent = name;
    args.textContent = task.args;
    args.title = task.args;
    tags.replaceChildren(...tagButtons(task.tags));
    tags.title = tagWords(task.tags);
    attempt.textContent = attemptOf(task) || '';
    acts.replaceChildren(...actions(task, load));
  }

  function tagButtons(tags) {
    return Object.entries(tags).map(([key, value]) => h('button', { type: 'button', class: 'tag', title: 'Show tasks with this tag', onclick: () => {
      if (typeof value === 'string') tag.value = key + ':' + value;
      else where.value = 'tag.' + key + ' == ' + value;
      restart();
    } }, key + ': ' + String(value)));
  }

  async function changeAll(action, verb) {
    const fields = query();
    const found = await getJson('/api/count?' + fields);
    const words = verb + ' ' + count(found.count) + (found.count === 1 ? ' task' : ' tasks');
    if (!(await confirmed(words + '?', words))) return;
    const body = {};
    for (const name of ['state', 'outcome']) if (fields.has(name)) body[name] = fields.get(name);
    if (fields.has('tag')) body.tags = fields.getAll('tag');
    if (fields.has('where')) body.where = fields.getAll('where');
    await post('/api/' + action, body).catch((error) => { problem.hidden = false; problem.textContent = error.message; });
    await load();
  }

  return {
    name: 'tasks', title: 'Tasks', key: 't', element, load, search: where,
    /** Show tasks of one kind. */
    choose(name) { kind.value = name; restart(); },
    /** Pages that were turned to stay as they are. */
    refresh() { if (pages.length === 1) refresh(); },
    act(row, what) { row.querySelector('[data-act="' + what + '"]')?.click(); },
    open(row) { void openTask(row.dataset.key); },
  };
}

/** The one that runs has not ended, so it is not counted. */
const attemptOf = (task) => task.state === 'running' ? task.attempt + 1 : task.attempt;
const tagWords = (tags) => Object.entries(tags).map(([key, value]) => key + ': ' + value).join(', ');
const canRetry = (task) => task.outcome !== undefined && task.outcome !== 'succeeded' && task.outcome !== 'rejected';

function actions(task, done) {
  const act = (action, text, style) => h('button', { type: 'button', class: 'small ' + style, 'data-act': action, onclick: async (event) => {
    event.target.disabled = true;
    await post('/api/tasks/' + encodeURIComponent(task.id) + '/' + action).catch((error) => { event.target.title = error.message; });
    await done();
  } }, text);
  if (task.outcome === undefined) return [act('cancel', 'Cancel', 'danger')];
  return canRetry(task) ? [act('retry', 'Retry', '')] : [];
}

/** How often what a task that is looked at has written is asked for again (ms). */
const everyOutput = 1000;

/** What a running command has written so far; its end is kept in sight while it is. done: it does not run any more. */
function running(id, done) {
  const streams = ['stdout', 'stderr'].map((name) => ({ name, head: h('h3', {}, name), text: h('pre', { class: 'mono', tabindex: 0 }) }));
  const told = h('p', { class: 'faint', role: 'status' }, 'What it has written is asked for…');
  const element = h('div', {}, told, streams.map(({ head, text }) => [head, text]));
  async function ask() {
    const response = await request('/api/tasks/' + encodeURIComponent(id) + '/output', {}, [404, 503, 504]);
    if (!element.isConnected) return;
    if (response.status === 404 || response.status === 204) return done();
    const found = response.ok ? await response.json() : null;
    for (const { name, head, text } of found === null ? [] : streams) {
      const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 4;
      const shown = found[name] === undefined && found[name + 'Base64'] !== undefined ? '(bytes, in base64) ' + found[name + 'Base64'] : found[name] || '';
      head.textContent = name + ' so far' + (found.cut.includes(name) ? ', its end' : '');
      head.hidden = text.hidden = shown === '';
      if (text.textContent !== shown) text.textContent = shown;
      if (atEnd) text.scrollTop = text.scrollHeight;
    }
    told.textContent = found === null ? 'Its client does not answer; it is asked again.'
      : found.stdout === undefined && found.stderr === undefined && found.stdoutBase64 === undefined && found.stderrBase64 === undefined ? 'Its client keeps no output.'
      : streams.every(({ text }) => text.hidden) ? 'It has written nothing yet.' : '';
  }
  async function follow() {
    await ask().catch((error) => { told.textContent = error.message; });
    setTimeout(() => { if (element.isConnected && byId('detail').open) void follow(); }, everyOutput);
  }
  for (const { head, text } of streams) head.hidden = text.hidden = true;
  queueMicrotask(follow);
  return element;
}

async function openTask(id) {
  const dialog = byId('detail');
  const path = '/api/tasks/' + encodeURIComponent(id);
  const [task, history, explanation] = await Promise.all([getJson(path), getJson(path + '/history').catch(() => []), getJson(path + '/explanation').catch(() => null)]);
  const fact = (name, value) => value === undefined || value === null || value === '' ? [] : [h('dt', {}, name), h('dd', {}, value)];
  const output = (title, one) => {
    const text = one[title] === undefined && one[title + 'Base64'] !== undefined ? '(bytes, in base64) ' + one[title + 'Base64'] : one[title];
    return text ? [h('h3', {}, title), h('pre', { class: 'mono', tabindex: 0 }, text)] : [];
  };
  const name = task.outcome || task.state;
  const again = () => openTask(id);
  dialog.replaceChildren(h('div', {},
    h('div', { class: 'row' }, h('span', { class: 'badge ' + name }, name), h('span', { class: 'grow' }), actions(task, again), h('button', { type: 'button', class: 'small', onclick: again }, 'Refresh'), h('button', { type: 'button', class: 'small', onclick: () => dialog.close() }, 'Close')),
    h('h3', {}, task.kind === 'function' ? 'function' : 'command'), h('pre', { class: 'mono' }, task.command || task.args),
    h('dl', {}, fact('id', task.id), fact('exit status', task.exitStatus), fact('signal', task.signal), fact('error', task.error && task.error.message), fact('client', task.clientHost && task.clientHost + (task.slot === undefined || task.slot === null ? '' : ', slot ' + task.slot)),
      fact('submitted', time(task.submittedAt)), fact('started', time(task.startedAt)), fact('ended', time(task.completedAt)), fact('took', task.durationMs === undefined ? '' : span(task.durationMs)), fact('runs for', task.runningMs === undefined ? '' : about(task.runningMs)),
      fact('attempt', attemptOf(task) || ''), fact('group', task.group), fact('tags', tagWords(task.tags)),
      fact(task.state === 'running' ? 'now' : 'why it waits', task.outcome === undefined && explanation !== null ? explanation.reasons.join('; ') : '')),
    output('stdout', task), output('stderr', task), task.state === 'running' && task.kind !== 'function' ? running(id, again) : [],
    task.value === undefined ? [] : [h('h3', {}, 'value'), h('pre', { class: 'mono' }, JSON.stringify(task.value, null, 2))],
    task.truncated ? h('p', { class: 'faint' }, 'The output is longer; it stands in ' + (task.stdoutPath || task.stderrPath) + ' on that host.') : null,
    history.length < 2 && task.outcome !== undefined ? [] : history.map((attempt) => [h('h3', {}, 'attempt ' + attempt.attempt + ': ' + attempt.outcome + (attempt.exitStatus === null ? '' : ', status ' + attempt.exitStatus) + ', ' + span(attempt.durationMs)), output('stdout', attempt), output('stderr', attempt)]),
  ));
  if (!dialog.open) dialog.showModal();
}
`;
