import { expect, test } from 'vitest';
import { checkPeerInfo } from '../../src/protocol/peer-info.ts';

const client = { slots: 4, cores: 2.5, memory: null, resources: { gpu: 1 }, tags: { zone: 'a', spot: true, rank: 1, none: null } };
const info = { role: 'client', id: 'i', host: 'h', pid: 5, client };

test('a complete description passes unchanged', () => {
  expect(checkPeerInfo(info)).toEqual(info);
  expect(checkPeerInfo({ role: 'submitter', id: 'i', host: 'h', pid: 0 })).toEqual({ role: 'submitter', id: 'i', host: 'h', pid: 0 });
});

test('what was not asked for goes no further', () => {
  const checked = checkPeerInfo({ ...info, admin: true, client: { ...client, evil: 1 } });
  expect(checked).toEqual(info);
});

test.each([
  ['no object', null],
  ['a list', []],
  ['an unknown role', { ...info, role: 'root' }],
  ['a role of the prototype', { ...info, role: 'toString' }],
  ['an empty id', { ...info, id: '' }],
  ['a long id', { ...info, id: 'x'.repeat(65) }],
  ['a host that is no text', { ...info, host: {} }],
  ['a long host', { ...info, host: 'x'.repeat(256) }],
  ['a negative pid', { ...info, pid: -1 }],
  ['half a pid', { ...info, pid: 0.5 }],
  ['a client that is null', { ...info, client: null }],
  ['a million slots', { ...info, client: { ...client, slots: 1e6 } }],
  ['slots as text', { ...info, client: { ...client, slots: '4' } }],
  ['negative cores', { ...info, client: { ...client, cores: -1 } }],
  ['endless memory', { ...info, client: { ...client, memory: Number.POSITIVE_INFINITY } }],
  ['resources as a list', { ...info, client: { ...client, resources: [1] } }],
  ['a resource with a bad name', { ...info, client: { ...client, resources: { 'g p u': 1 } } }],
  ['a resource named __proto__', { ...info, client: { ...client, resources: JSON.parse('{"__proto__":1}') } }],
  ['a thousand tags', { ...info, client: { ...client, tags: Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`t${i}`, 1])) } }],
  ['a tag that is an object', { ...info, client: { ...client, tags: { a: {} } } }],
  ['a tag of a megabyte', { ...info, client: { ...client, tags: { a: 'x'.repeat(1e6) } } }],
])('%s is refused', (_, value) => {
  expect(() => checkPeerInfo(value)).toThrowError(expect.objectContaining({ code: 'ERR_PROTOCOL' }));
});
