import { expect, test } from 'vitest';
import { MillraceError } from '../../../src/base/errors.ts';
import type { GraphEvent } from '../../../src/graph/effects.ts';
import type { WireEnd, WireOrders } from '../../../src/protocol/graph-work.ts';
import { type ClientsParts, GraphClients } from '../../../src/server/graph/clients.ts';
import type { Link } from '../../../src/server/link.ts';
import { constant, History, output, step } from '../../graph/history.ts';

test('a constant goes along once in a turn, with the first task of it that reads it, and in a later turn where the client does not have it', () => {
  const h = new History();
  h.join('a', 4_000);
  const told: WireOrders[] = [];
  const parts: Partial<ClientsParts> = { handle: () => {}, small: ({ id }) => Uint8Array.of(id) };
  const clients = new GraphClients(parts as ClientsParts);
  const peer = { notify: (_name: string, orders: WireOrders) => told.push(orders) };
  const offered = { slots: 4_000, cores: null, memory: null, resources: {} };
  clients.join({ connection: { peer: { id: 'a', client: offered } }, peer } as unknown as Link);
  const ids = Array.from({ length: 2_500 }, (_, i) => 100 + 2 * i);
  const tell = (outputs: number[]): Uint8Array[] => {
    const tasks = outputs.map((id) => step(id + 1, [1, 2, 1], [id]));
    const objects = outputs.map((id) => output(id));
    const constants = h.session.nodes.has(1) ? [] : [constant(1), constant(2)];
    const turn = h.turn({ type: 'submit', session: h.session, objects: [...constants, ...objects], tasks, sizes: new Map() });
    told.length = 0;
    clients.prepare(turn.orders)();
    const runs = told.flatMap((orders) => orders.runs);
    expect(runs.map(([, , task]) => task)).toEqual(outputs.map((id) => id + 1));
    return runs.flatMap(([, , , , , inputs]) => inputs.map(([, , , , , , bytes]) => bytes).filter((bytes) => bytes !== null));
  };
  // More than one message, and the constants in the first.
  expect(tell(ids)).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
  expect(told.length).toBeGreaterThan(1);
  expect(tell([9_000, 9_002])).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
  h.end('a', [101]);
  expect(tell([9_004])).toEqual([]);
});

test('a client that is given up with its former connection stays when it is here by another', () => {
  const events: string[] = [];
  const parts: Partial<ClientsParts> = { handle: ({ type }) => void events.push(type), door: () => {} };
  const clients = new GraphClients(parts as ClientsParts);
  const offered = { slots: 1, cores: null, memory: null, resources: {} };
  const connected = (): Link => ({ connection: { peer: { id: 'a', client: offered } }, peer: {} }) as unknown as Link;
  const [former, present] = [connected(), connected()];
  clients.join(former);
  clients.receive(present, 'graph.held', { sequence: 0, ends: [], runs: [], objects: [] });
  clients.gaveUp(former);
  clients.disconnected(former);
  expect(events).toEqual(['client-joined', 'client-offline', 'client-resumed']);
  clients.gaveUp(present);
  expect(events.at(-1)).toBe('client-left');
});

test('what a client that came back holds is judged when all its ends are here, not by the first part of them', () => {
  const events: GraphEvent[] = [];
  const parts: Partial<ClientsParts> = { handle: (event) => void events.push(event), door: () => {} };
  const clients = new GraphClients(parts as ClientsParts);
  const offered = { slots: 1, cores: null, memory: null, resources: {} };
  const connected = (): Link => ({ connection: { peer: { id: 'a', client: offered } }, peer: {} }) as unknown as Link;
  const [cut, present] = [connected(), connected()];
  const made = (run: number): WireEnd => [run, 0, [[1, null, null]], null, '', 0, 0];
  // The rest of this one is never heard.
  clients.receive(cut, 'graph.held', { sequence: 4, ends: [made(1)], runs: [], objects: [], more: true });
  clients.receive(present, 'graph.held', { sequence: 5, ends: [made(1), made(2)], runs: [], objects: [], more: true });
  clients.receive(present, 'graph.held', { sequence: 5, ends: [made(3)], runs: [], objects: [], more: true });
  expect(events).toEqual([]);
  clients.receive(present, 'graph.held', { sequence: 5, ends: [made(4)], runs: [7], objects: [8, 9] });
  const resumed = events.at(-1) as Extract<GraphEvent, { type: 'client-resumed' }>;
  expect(events.map(({ type }) => type)).toEqual(['client-joined', 'client-resumed']);
  expect([resumed.ends.map(({ run }) => run), resumed.runs, resumed.objects]).toEqual([[1, 2, 3, 4], [7], [8, 9]]);
  // And the next time anew.
  clients.receive(present, 'graph.held', { sequence: 6, ends: [], runs: [], objects: [] });
  expect((events.at(-1) as typeof resumed).ends).toEqual([]);
});

test('a run that is too much to tell its client has no times, and its client is not held for a quick one', () => {
  const h = new History();
  h.join('a', 1);
  const client = h.graph.client('a')!;
  const turns: GraphEvent[] = [];
  const parts: Partial<ClientsParts> = { handle: (event) => void turns.push(event), small: () => null };
  const clients = new GraphClients(parts as ClientsParts);
  const notify = (_name: string, { runs }: WireOrders): boolean => {
    if (runs.length > 0) throw new MillraceError('ERR_FRAME_TOO_LARGE', 'too large');
    return true;
  };
  const offered = { slots: 1, cores: null, memory: null, resources: {} };
  clients.join({ connection: { peer: { id: 'a', client: offered } }, peer: { notify } } as unknown as Link);
  const turn = h.turn({ type: 'submit', session: h.session, objects: [output(10)], tasks: [step(11, [], [10])], sizes: new Map() });
  clients.prepare(turn.orders)();
  const ended = turns.find(({ type }) => type === 'ended');
  expect(ended).toMatchObject({ ends: [{ startedAt: null, durationMs: null }] });
  const { mean } = client;
  h.turn(ended!);
  expect(client.mean).toBe(mean);
});
