import { describe, expect, test } from 'vitest';
import { DiallingHandshake, type HandshakeStep, ListeningHandshake } from '../../src/protocol/handshake.ts';
import type { PeerInfo } from '../../src/protocol/messages.ts';
import type { VersionRange } from '../../src/protocol/version.ts';

const server: PeerInfo = { role: 'server', id: 'server-1', host: 'a', pid: 1 };
const client: PeerInfo = { role: 'control', id: 'control-1', host: 'b', pid: 2 };
const key = 'correct horse battery';
const nonce = (digit: string): string => digit.repeat(64);

interface SideChanges {
  key?: string;
  versions?: VersionRange;
  channel?: string;
  self?: PeerInfo;
}

function sides(dialling: SideChanges = {}, listening: SideChanges = {}): { dial: DiallingHandshake; listen: ListeningHandshake } {
  const common = (changes: SideChanges) => ({
    channel: () => Buffer.from(changes.channel ?? ''),
    ...(changes.versions === undefined ? {} : { versions: changes.versions }),
  });
  return {
    dial: new DiallingHandshake({ self: dialling.self ?? client, nonce: nonce('c'), key: () => dialling.key ?? key, ...common(dialling) }),
    listen: new ListeningHandshake({
      self: listening.self ?? server,
      nonce: nonce('5'),
      key: listening.key ?? key,
      id: 'n1',
      ...common(listening),
    }),
  };
}

/** Both sides talk until one of them has nothing to say; every frame crosses as JSON. */
function talk({ dial, listen }: ReturnType<typeof sides>, tamper: (frame: unknown[], turn: number) => unknown = (frame) => frame) {
  let dialled: HandshakeStep = { send: [dial.hello()], result: null, error: null };
  let listened: HandshakeStep | null = null;
  const said: unknown[] = [];
  for (let turn = 0; ; turn++) {
    const from: HandshakeStep = turn % 2 === 0 ? dialled : listened!;
    const frame = from.send[0];
    if (frame === undefined) return { dialled, listened, said };
    said.push(frame);
    const crossed = tamper(JSON.parse(JSON.stringify(frame)), turn);
    if (turn % 2 === 0) listened = listen.receive(crossed);
    else dialled = dial.receive(crossed);
  }
}

test('two sides with the same key learn who the other is, the version and the name of the connection', () => {
  const { dialled, listened } = talk(sides());
  expect(dialled).toEqual({ send: [], result: { peer: server, version: 1, id: 'n1' }, error: null });
  expect(listened?.result).toEqual({ peer: client, version: 1, id: 'n1' });
});

test('the key and what both say of themselves never cross before it is proved', () => {
  const { said } = talk(sides());
  expect(JSON.stringify(said)).not.toContain(key);
  expect(JSON.stringify(said.slice(0, 2))).not.toContain('control-1');
  expect(JSON.stringify(said.slice(0, 3))).not.toContain('server-1');
});

test('with different keys both sides end with ERR_AUTH, and the listening one gives no proof of its own', () => {
  const { dialled, listened, said } = talk(sides({ key: 'another key entirely' }));
  expect(dialled.error).toMatchObject({ code: 'ERR_AUTH' });
  expect(listened?.error).toMatchObject({ code: 'ERR_AUTH' });
  expect(said.at(-1)).toEqual(['refuse', { code: 'ERR_AUTH', versions: [1, 1] }]);
});

test('a server without the key is found out', () => {
  const { dial } = sides();
  dial.hello();
  dial.receive(['challenge', { versions: [1, 1], version: 1, nonce: nonce('5'), id: 'n1' }]);
  const step = dial.receive(['accept', { info: JSON.stringify(server), mac: nonce('0') }]);
  expect(step).toMatchObject({ result: null, error: { code: 'ERR_AUTH' } });
});

test('a proof sent back to its maker proves nothing', () => {
  const { dial } = sides();
  dial.hello();
  const { send } = dial.receive(['challenge', { versions: [1, 1], version: 1, nonce: nonce('5'), id: 'n1' }]);
  const [, proof] = send[0] as [string, { info: string; mac: string }];
  expect(dial.receive(['accept', proof]).error).toMatchObject({ code: 'ERR_AUTH' });
});

test('a nonce sent back to its maker is refused', () => {
  const { dial } = sides();
  expect(dial.receive(['challenge', { versions: [1, 1], version: 1, nonce: nonce('c'), id: 'n1' }]).error).toMatchObject({
    code: 'ERR_PROTOCOL',
  });
});

test('a proof recorded on one connection fits no other', () => {
  const { said } = talk(sides());
  const { listen } = sides({}, {});
  const other = new ListeningHandshake({ self: server, nonce: nonce('6'), key, id: 'n1', channel: () => Buffer.alloc(0) });
  expect(listen.receive(said[0]).error).toBeNull();
  other.receive(said[0]);
  expect(other.receive(said[2]).error).toMatchObject({ code: 'ERR_AUTH' });
});

test('a proof made for one TLS channel is worthless on another', () => {
  const { dialled, listened } = talk(sides({ channel: 'one' }, { channel: 'two' }));
  expect(listened?.error).toMatchObject({ code: 'ERR_AUTH' });
  expect(dialled.error).toMatchObject({ code: 'ERR_AUTH' });
  expect(talk(sides({ channel: 'same' }, { channel: 'same' })).dialled.error).toBeNull();
});

test.each([
  ['the role', 0, (f: Record<string, unknown>) => ({ ...f, role: 'client' })],
  ['the range of versions', 0, (f: Record<string, unknown>) => ({ ...f, versions: [0, 1] })],
  ["the dialling side's nonce", 0, (f: Record<string, unknown>) => ({ ...f, nonce: nonce('d') })],
  ["the listening side's nonce", 1, (f: Record<string, unknown>) => ({ ...f, nonce: nonce('e') })],
  ['the name of the connection', 1, (f: Record<string, unknown>) => ({ ...f, id: 'n2' })],
  ["the listening side's range of versions", 1, (f: Record<string, unknown>) => ({ ...f, versions: [0, 1] })],
  ['what the dialling side says of itself', 2, (f: Record<string, unknown>) => ({ ...f, info: JSON.stringify({ ...client, pid: 3 }) })],
  ['what the listening side says of itself', 3, (f: Record<string, unknown>) => ({ ...f, info: JSON.stringify({ ...server, pid: 3 }) })],
])('whoever changes %s on the way is found out', (_, at, change) => {
  const { dialled } = talk(sides(), (frame, turn) => (turn === at ? [frame[0], change(frame[1] as Record<string, unknown>)] : frame));
  expect(dialled.error).toMatchObject({ code: 'ERR_AUTH' });
});

describe('versions', () => {
  test('the highest version that both speak is taken', () => {
    const { dialled, listened } = talk(sides({ versions: { min: 1, max: 3 } }, { versions: { min: 2, max: 5 } }));
    expect([dialled.result?.version, listened?.result?.version]).toEqual([3, 3]);
  });

  test('without a common one both sides end with ERR_VERSION, and the message tells both ranges', () => {
    const { dialled, listened } = talk(sides({ versions: { min: 4, max: 5 } }, { versions: { min: 1, max: 2 } }));
    expect(dialled.error).toMatchObject({ code: 'ERR_VERSION', details: { ours: [4, 5], theirs: [1, 2] } });
    expect(listened?.error).toMatchObject({ code: 'ERR_VERSION', details: { ours: [1, 2], theirs: [4, 5] } });
    expect(dialled.error?.message).toMatch(/versions 4 to 5.*versions 1 to 2/);
  });
});

describe('everything else is ERR_PROTOCOL', () => {
  const hello = ['hello', { versions: [1, 1], role: 'client', nonce: nonce('c') }];

  test.each([
    ['nothing', null],
    ['a number', 7],
    ['a proof before the hello', ['proof', { info: '{}', mac: nonce('0') }]],
    ['a message of a role', ['want', 1, 2, 3]],
    ['a hello without versions', ['hello', { role: 'client', nonce: nonce('c') }]],
    ['a range of versions that goes back', ['hello', { versions: [2, 1], role: 'client', nonce: nonce('c') }]],
    ['versions that are no numbers', ['hello', { versions: ['1', '1'], role: 'client', nonce: nonce('c') }]],
    ['the role of a server', ['hello', { versions: [1, 1], role: 'server', nonce: nonce('c') }]],
    ['a role of the prototype', ['hello', { versions: [1, 1], role: 'constructor', nonce: nonce('c') }]],
    ['a short nonce', ['hello', { versions: [1, 1], role: 'client', nonce: 'c' }]],
    ['a nonce that is an object', ['hello', { versions: [1, 1], role: 'client', nonce: { length: 64 } }]],
  ])('%s as the first frame', (_, frame) => {
    expect(sides().listen.receive(frame).error).toMatchObject({ code: 'ERR_PROTOCOL' });
  });

  test.each([
    ['a second hello', hello],
    ['a mac of the wrong length', ['proof', { info: '{}', mac: 'aa' }]],
    ['a mac that is no text', ['proof', { info: '{}', mac: [] }]],
    ['info that is no text', ['proof', { info: {}, mac: nonce('0') }]],
    ['info without end', ['proof', { info: 'x'.repeat(60_000), mac: nonce('0') }]],
  ])('%s as the second frame', (_, frame) => {
    const { listen } = sides();
    listen.receive(hello);
    expect(listen.receive(frame).error).toMatchObject({ code: 'ERR_PROTOCOL' });
  });

  test('a frame after the end', () => {
    const pair = sides();
    talk(pair);
    expect(pair.listen.receive(hello).error).toMatchObject({ code: 'ERR_PROTOCOL' });
    expect(pair.dial.receive(['accept', {}]).error).toMatchObject({ code: 'ERR_PROTOCOL' });
  });

  test('a peer that proved itself but describes itself wrongly', () => {
    const wrong = { ...client, host: '' };
    expect(talk(sides({ self: wrong })).listened?.error).toMatchObject({ code: 'ERR_PROTOCOL' });
    const liar = sides({ self: { ...client, role: 'submitter' } });
    expect(
      talk(liar, (frame, turn) => (turn === 0 ? [frame[0], { ...(frame[1] as object), role: 'control' }] : frame)).listened?.error,
    ).not.toBeNull();
  });

  test('a server that calls itself something else', () => {
    expect(talk(sides({}, { self: client })).dialled.error).toMatchObject({ code: 'ERR_PROTOCOL' });
  });

  test('a refusal with an invented code', () => {
    expect(sides().dial.receive(['refuse', { code: 'ERR_INTERNAL' }]).error).toMatchObject({ code: 'ERR_PROTOCOL' });
  });
});
