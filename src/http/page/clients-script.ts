/** The list of clients: where they are, how much of their slots is in use, and how long ago they were heard. */
export const clientsScript: string = `
import { asker, count, getJson, h, putRows, span, svg } from './base.js';

const pageSize = 100;

export function clientsView() {
  let offset = 0;
  let order = 'host';
  let desc = false;
  const search = h('input', { type: 'search', placeholder: 'host, id or tag', oninput: restart });
  const connected = h('input', { type: 'checkbox', onchange: restart, checked: true });
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const body = h('tbody');
  const empty = h('div', { class: 'empty' });
  const place = h('span', { class: 'faint' });
  const back = h('button', { type: 'button', onclick: () => { offset = Math.max(0, offset - pageSize); void load(); } }, 'Back');
  const further = h('button', { type: 'button', onclick: () => { offset += pageSize; void load(); } }, 'Further');
  const heads = [['host', 'Host', ''], [null, 'Id', 'opt'], ['running', 'Load', ''], ['slots', 'Slots', 'num'], ['leased', 'Leased', 'num opt'], ['silentMs', 'Heard', 'num'], [null, 'Tags', 'opt']];
  const table = h('table', {},
    h('colgroup', {}, h('col', { class: 'w-host' }), h('col', { class: 'opt' }), h('col', { class: 'w-load' }), h('col', { class: 'w-few' }), h('col', { class: 'opt w-few' }), h('col', { class: 'w-time' }), h('col', { class: 'opt w-tags' })),
    h('thead', {}, h('tr', {}, heads.map(([name, text, style]) => h('th', { class: style, 'data-order': name }, name === null ? text : h('button', { type: 'button', onclick: () => sort(name) }, text))))),
    body);
  const element = h('div', {},
    h('form', { class: 'tools', onsubmit: (event) => event.preventDefault() }, h('label', { class: 'wide' }, 'Search', search), h('label', { class: 'check' }, connected, 'connected only')),
    problem, table, empty, h('div', { class: 'pager' }, h('div', { class: 'row' }, back, further, place)));

  function sort(name) {
    desc = order === name ? !desc : name !== 'host';
    order = name;
    restart();
  }

  function restart() {
    offset = 0;
    void load();
  }

  const { load, refresh } = asker(problem, table, (signal) => {
    const fields = new URLSearchParams({ limit: pageSize, offset, orderBy: order, desc });
    if (search.value.trim() !== '') fields.set('search', search.value.trim());
    if (connected.checked) fields.set('connected', 'true');
    return getJson('/api/clients?' + fields, signal);
  }, ({ clients, total }) => {
    // Those of this page have gone.
    if (offset > 0 && offset >= total) {
      offset = Math.max(0, Math.ceil(total / pageSize) - 1) * pageSize;
      return void load();
    }
    putRows(body, clients, (client) => client.id, makeRow, updateRow);
    for (const head of table.querySelectorAll('th')) head.setAttribute('aria-sort', head.dataset.order === order ? (desc ? 'descending' : 'ascending') : 'none');
    table.hidden = total === 0;
    empty.hidden = total > 0;
    empty.textContent = search.value.trim() !== '' ? 'No such clients.' : connected.checked ? 'No client is connected.' : 'No client was ever here.';
    back.hidden = further.hidden = total <= pageSize;
    back.disabled = offset === 0;
    further.disabled = offset + pageSize >= total;
    place.textContent = total === 0 ? '' : count(offset + 1) + ' to ' + count(Math.min(offset + pageSize, total)) + ' of ' + count(total);
  });

  function makeRow(client) {
    const used = svg('rect', { class: 'used', width: 0, height: 8, rx: 4 });
    const bar = svg('svg', { class: 'load', viewBox: '0 0 64 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, svg('rect', { class: 'base', width: 64, height: 8, rx: 4 }), used);
    const row = h('tr', { tabindex: 0 },
      h('td', {}), h('td', { class: 'mono opt', title: client.id }, client.id.length > 20 ? client.id.slice(0, 8) + '…' + client.id.slice(-8) : client.id), h('td', {}, bar, h('span'), h('span', { class: 'opt' })), h('td', { class: 'num' }), h('td', { class: 'num opt' }), h('td', { class: 'num' }), h('td', { class: 'opt' }));
    return row;
  }

  function updateRow(row, client) {
    const [host, , load, slots, leased, heard, tags] = row.children;
    host.replaceChildren(client.host, client.connected ? '' : h('span', { class: 'badge away' }, 'away'));
    host.title = client.host;
    const part = client.slots === 0 ? 0 : Math.min(1, client.running / client.slots);
    load.querySelector('.used').setAttribute('width', 64 * part);
    load.children[1].textContent = Math.round(part * 100) + ' %';
    load.children[2].textContent = ' (' + count(client.running) + ')';
    slots.textContent = count(client.slots);
    leased.textContent = count(client.leased);
    heard.textContent = client.connected ? span(Math.round(client.silentMs / 100) * 100) : '';
    tags.textContent = Object.entries(client.tags || {}).map(([key, value]) => key + ': ' + value).join(', ');
  }

  return { name: 'clients', title: 'Clients', key: 'c', element, load, search, refresh, act() {}, open() {} };
}
`;
