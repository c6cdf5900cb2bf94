import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Message, PeerInfo } from '../../src/protocol/messages.ts';
import { byReference, release } from '../../src/remote/index.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { dial } from '../../src/transport/dial.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { auth, Calculator, calculator, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

const self: PeerInfo = { role: 'caller', id: '0190aaaa-0000-7000-8000-000000000009', host: 'there', pid: 9 };

interface Raw {
  readonly connection: Connection;
  readonly got: Message[];
  readonly ended: () => boolean;
}

/** A peer that holds the key and says what it likes. */
async function raw(address: { host: string; port: number }, role: PeerInfo['role'] = 'caller'): Promise<Raw> {
  const connection = await dial(address, { auth, self: { ...self, role } });
  onTestFinished(() => connection.destroy());
  const got: Message[] = [];
  let ended = false;
  connection.start({
    message: (message) => got.push(message),
    closed: () => {
      ended = true;
    },
  });
  return { connection, got, ended: () => ended };
}

describe('a peer that holds the key and breaks the rules', () => {
  test('gets an error for each malformed request, and harms nobody', async () => {
    const { daemon, remote } = await calculator();
    const address = daemon.address as { host: string; port: number };
    const { connection, got } = await raw(address);
    const before = Object.getOwnPropertyNames(Object.prototype).length;
    const odd = fc.oneof(fc.constantFrom<unknown>('calculator', 'add', 'constructor', '__proto__', 0, 1, null, true), fc.integer());
    const part = fc.oneof(
      { withCrossShrink: true },
      odd,
      fc.array(odd, { maxLength: 4 }),
      fc.array(fc.array(odd, { maxLength: 4 }), { maxLength: 4 }),
    );
    const params = fc.oneof(
      part,
      fc.array(part, { maxLength: 6 }),
      fc.array(part, { maxLength: 5 }).map((rest) => ['calculator', ...rest]),
    );
    const kinds = fc.constantFrom('call', 'get', 'set', 'bind', 'batch', 'constructor', '__proto__', '');
    const requests = fc.sample(fc.tuple(kinds, params), { numRuns: 2_000, seed: 7 });
    for (const [place, [kind, body]] of requests.entries()) connection.send(['?', place, kind, body]);
    const second = await raw(address);
    for (const event of ['call', 'batch', 'abort', 'free'])
      for (const [, body] of requests.slice(0, 100)) second.connection.send(['event', event, body]);
    connection.send(['=', 5, 'an answer that nobody waits for']);
    await until(() => got.length >= requests.length);
    expect(got.filter(([tag]) => tag === '!').length).toBeGreaterThan(1_000);
    expect(await remote.add(1, 2)).toBe(3);
    expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before);
  });

  test('loses its connection by an unknown event, another message or another role', async () => {
    const daemon = await openDaemon();
    const address = daemon.address as { host: string; port: number };
    const unknown = await raw(address);
    unknown.connection.send(['event', 'nonsense', 1]);
    const wanting = await raw(address);
    wanting.connection.send(['drain']);
    const submitter = await raw(address, 'submitter');
    await until(() => unknown.ended() && wanting.ended() && submitter.ended());
    expect(daemon.sessions).toBe(0);
  });

  test('is cut off when it asks and does not read the answers', async () => {
    const daemon = await openDaemon();
    const text = 'x'.repeat(1_000_000);
    const uri = daemon.register({ text: () => text }, 'big');
    const { connection } = await raw(daemon.address as { host: string; port: number });
    connection.pause();
    for (let id = 0; id < 17_000; id += 1) connection.send(['?', id, 'call', ['big', 'text', [], 0]]);
    await until(() => daemon.sessions === 1);
    await until(() => daemon.sessions === 0);
    expect(await openProxy<{ text(): string }>(uri).text()).toHaveLength(1_000_000);
  });
});

test.each<[name: string, value: unknown]>([
  ['free', [[{ toString: '' }], 1]],
  ['free', [{ valueOf: '' }, { toString: '' }]],
  ['ran', [[{ toString: '' }], true]],
  ['grant', [0, [{ toString: '' }]]],
  ['items', [{ toString: '' }, null, 7]],
])('an event %s of things that are no numbers costs at most the connection of its sender', async (name, value) => {
  const { daemon, remote } = await calculator();
  const { connection } = await raw(daemon.address as { host: string; port: number });
  connection.send(['event', name, value]);
  connection.send(['?', 1, 'call', ['calculator', 'add', [1, 1], 0]]);
  expect(await remote.add(1, 2)).toBe(3);
});

describe('a long session', () => {
  test('does not grow by callbacks and results by reference that are released', async () => {
    const daemon = await openDaemon();
    const maker = {
      make: (): object => byReference(new Calculator()),
      async use(call: (n: number) => Promise<number>): Promise<number> {
        const result = await call(1);
        release(call);
        return result;
      },
    };
    const remote = openProxy<{ make(): Promise<Calculator>; use(call: (n: number) => number): Promise<number> }>(daemon.register(maker));
    for (let round = 0; round < 20; round += 1) {
      const made = await Promise.all(Array.from({ length: 100 }, () => remote.make()));
      for (const each of made) release(each);
      const results = await Promise.all(Array.from({ length: 100 }, (_, i) => remote.use((n) => n + i)));
      expect(results[99]).toBe(100);
    }
    await until(() => daemon.references.given === 0);
    expect(daemon.references).toEqual({ given: 0, got: 0 });
  });
});
