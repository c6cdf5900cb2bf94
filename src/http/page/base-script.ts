/** What every part of the page uses: elements made of data as text only, requests with the reader's token, and events that come again when they break off. */
export const baseScript: string = String.raw`
export const byId = (id) => document.getElementById(id);

/** An element. Data becomes text or an attribute, never markup. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked' || name === 'disabled') element[name] = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) element.append(child instanceof Node ? child : String(child));
  return element;
}

export function svg(tag, props, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

const numbers = new Intl.NumberFormat('en');
export const count = (n) => numbers.format(Math.round(n));
export const rate = (n) => n >= 100 ? count(n) : (Math.round(n * 10) / 10).toString();
export function span(ms) {
  if (ms === null || ms === undefined) return '';
  if (ms < 1000) return Math.round(ms) + ' ms';
  if (ms < 60000) return (ms / 1000).toFixed(1) + ' s';
  const s = Math.round(ms / 1000);
  if (s < 3600) return Math.floor(s / 60) + ' min' + (s % 60 === 0 || s >= 600 ? '' : ' ' + (s % 60) + ' s');
  if (s < 86400) return Math.floor(s / 3600) + ' h ' + Math.floor((s % 3600) / 60) + ' min';
  return Math.floor(s / 86400) + ' d ' + Math.floor((s % 86400) / 3600) + ' h';
}
/** A span that nobody needs to the second, in a word. */
export function about(ms) {
  const units = [[86400000, ' d'], [3600000, ' h'], [60000, ' min']];
  const unit = units.find(([size]) => ms >= size);
  if (unit === undefined) return Math.ceil(ms / 1000) + ' s';
  const n = ms / unit[0];
  return (n < 10 ? Math.round(n * 10) / 10 : Math.round(n)) + unit[1];
}
export function bytes(n) {
  if (n === 1) return '1 byte';
  const step = Math.min(4, Math.floor(Math.log2(Math.max(1, n)) / 10));
  return (step === 0 ? n : (n / 2 ** (10 * step)).toFixed(1)) + ' ' + ['bytes', 'KB', 'MB', 'GB', 'TB'][step];
}
export const time = (ms) => ms === null || ms === undefined ? '' : new Date(ms).toLocaleString();

const tokenName = 'millrace-token';
function headers() {
  const token = sessionStorage.getItem(tokenName);
  return token === null ? {} : { authorization: 'Bearer ' + token };
}

let asking = null;
/** Ask the reader for a token; all who need one wait for the same answer. */
function askToken(refused) {
  asking = asking || new Promise((resolve) => {
    const field = h('input', { type: 'password', autocomplete: 'off', 'aria-label': 'Token', required: true, class: 'grow' });
    const dialog = byId('ask');
    const form = h('form', { onsubmit: (event) => {
      event.preventDefault();
      sessionStorage.setItem(tokenName, field.value.trim());
      dialog.close();
      asking = null;
      resolve();
    } },
      h('h2', {}, 'This server asks for a token'),
      h('p', { class: 'faint' }, refused ? 'The token was refused.' : 'It is kept until this tab is closed.'),
      h('div', { class: 'row' }, field, h('button', { type: 'submit' }, 'Enter')));
    dialog.oncancel = (event) => event.preventDefault();
    dialog.replaceChildren(form);
    if (!dialog.open) dialog.showModal();
    field.focus();
  });
  return asking;
}

/** expected: statuses that are no errors to whoever asks. */
export async function request(path, options = {}, expected = []) {
  for (;;) {
    const response = await fetch(path, { ...options, headers: { ...headers(), ...options.headers }, cache: 'no-store' });
    if (response.status === 401 || (response.status === 403 && sessionStorage.getItem(tokenName) !== null)) {
      const refused = sessionStorage.getItem(tokenName) !== null;
      sessionStorage.removeItem(tokenName);
      await askToken(refused);
      continue;
    }
    if (!response.ok && !expected.includes(response.status)) {
      const told = await response.json().catch(() => ({}));
      throw new Error(told.error_text || response.status + ' ' + response.statusText);
    }
    return response;
  }
}
export const getJson = async (path, signal) => (await request(path, { signal })).json();
export const post = async (path, body) => (await request(path, { method: 'POST', body: body === undefined ? undefined : JSON.stringify(body) })).json();

/**
 * A question that is asked again and again, of which only the last answer is shown, however long it takes: problem is the place of its error, shown is marked
 * as busy meanwhile. refresh() waits for an answer that is due; load() asks anew, and what is under way is given up.
 */
export function asker(problem, shown, ask, show) {
  let current = null;
  async function put() {
    current?.abort();
    const mine = current = new AbortController();
    try {
      const found = await ask(mine.signal);
      if (mine !== current) return;
      problem.hidden = true;
      show(found);
    } catch (error) {
      if (mine !== current) return;
      problem.hidden = false;
      problem.textContent = error.message;
    } finally {
      if (mine === current) {
        current = null;
        shown.removeAttribute('aria-busy');
      }
    }
  }
  return {
    load() {
      shown.setAttribute('aria-busy', 'true');
      return put();
    },
    refresh() { if (current === null) void put(); },
  };
}

/** Events of the server, for as long as the page is open: tell(name, value), and state(true or false) when the link stands or falls. */
export async function listen(names, tell, state) {
  const query = new URLSearchParams(names.map((name) => ['name', name]));
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      const response = await request('/api/events?' + query);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      state(true);
      wait = 500;
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += value;
        const parts = text.split('\n\n');
        text = parts.pop();
        for (const part of parts) {
          const found = /^event: (.*)\ndata: (.*)$/.exec(part);
          if (found !== null) tell(found[1], JSON.parse(found[2]));
        }
      }
    } catch { /* It comes again. */ }
    state(false);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Yes or no; a promise of it. */
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const dialog = byId('ask');
    const answer = (value) => { dialog.close(); resolve(value); };
    dialog.oncancel = () => resolve(false);
    dialog.replaceChildren(h('h2', {}, question), h('div', { class: 'row end' },
      h('button', { type: 'button', onclick: () => answer(false) }, 'Not now'),
      h('button', { type: 'button', class: 'danger', onclick: () => answer(true), 'data-yes': true }, yes)));
    dialog.showModal();
  });
}

/** Put rows into a table body: those that are there already stay the same elements, so focus and selection stay too. */
export function putRows(body, items, keyOf, make, update) {
  const old = new Map([...body.children].map((row) => [row.dataset.key, row]));
  let at = body.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    let row = old.get(key);
    old.delete(key);
    if (row === undefined) {
      row = make(item);
      row.dataset.key = key;
    }
    update(row, item);
    if (row === at) at = at.nextSibling;
    else body.insertBefore(row, at);
  }
  for (const row of old.values()) row.remove();
}
`;
