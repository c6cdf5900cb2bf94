import { afterEach, beforeEach, expect, it } from 'vitest';
import { newId } from '../../src/base/ids.ts';
import type { Message, Role } from '../../src/protocol/messages.ts';
import type { CoreEvent } from '../../src/server/core/events.ts';
import { Links, type LinksOptions } from '../../src/server/links.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { memoryLink } from '../../src/transport/memory.ts';
import { handClock } from '../support/hand-clock.ts';
import { until } from '../support/until.ts';

let fed: CoreEvent[];
let submitted: string[];
let links: Links;
let peers: Connection[];

beforeEach(() => {
  fed = [];
  submitted = [];
  peers = [];
  const parts = {
    context: { audience: { leave() {} }, readerMoved() {} },
    turns: { feed: (event: CoreEvent) => fed.push(event) },
    intake: { submit: (_sender: unknown, message: Message) => submitted.push(String(message[1])) },
    store: {},
    clock: handClock().clock,
    welcome: ['heartbeat'],
    config: { heartrate: 1_000, evictAfter: 60_000, reconnectGrace: 5_000 },
  };
  links = new Links(parts as unknown as LinksOptions);
});

afterEach(() => {
  links.closeAll();
  for (const peer of peers) peer.destroy();
});

function join(role: Role): Connection {
  const capacity = { slots: 1, cores: null, memory: null, resources: {}, tags: {} };
  const info = { role, id: newId(), host: 'h', pid: 1, ...(role === 'client' ? { client: capacity } : {}) };
  const { left, right } = memoryLink({ left: info, right: { role: 'server', id: newId(), host: 'h', pid: 2 } });
  // What an end has of its peer is what the other end said of itself.
  const [ours, theirs] = left.peer.role === role ? [left, right] : [right, left];
  theirs.start({ message() {}, closed() {} });
  // Of this process: whose id it is needs no proof.
  links.add(ours, false, role === 'client');
  peers.push(theirs);
  return theirs;
}

const submit = (name: string, tasks = 1): Message => [
  'submit',
  name,
  1,
  Array.from({ length: tasks }, () => [0, 'a', null, null] as never),
  false,
];

it('while nothing can be written clients and submitters are not read, and who only looks on is; then everything comes', async () => {
  const [client, submitter, control] = [join('client'), join('submitter'), join('control')];
  links.stall(true);
  const late = join('submitter');
  client.send(['want', 1, 1, 1]);
  submitter.send(submit('early'));
  late.send(submit('late'));
  control.send(submit('of control'));
  await until(() => submitted.length > 0, 'what control sends');
  expect([submitted, fed.map(({ type }) => type)]).toEqual([['of control'], ['client-connected']]);
  links.stall(false);
  await until(() => submitted.length === 3 && fed.some(({ type }) => type === 'want'), 'all of it');
});

it('who was not read was not silent: each client counts as heard when it is read again, before anything else', async () => {
  const client = join('client');
  links.stall(true);
  client.send(['heartbeat']);
  links.stall(false);
  expect(fed.map(({ type }) => type)).toEqual(['client-connected', 'contact']);
});

it('what control submits while nothing can be written is bounded', async () => {
  const control = join('control');
  links.stall(true);
  for (let i = 0; i < 30; i++) {
    control.send(submit(`bundle ${i}`, 1_000));
    await until(() => submitted.length === Math.min(i + 1, 21), 'the bundle');
  }
  expect(submitted).toHaveLength(21);
  links.stall(false);
  await until(() => submitted.length === 30, 'the rest');
});

it('what a turn has for clients has left before anybody else is told anything', () => {
  join('submitter');
  join('client');
  const done: string[] = [];
  for (const { connection, role } of links) {
    let unsent = 0;
    connection.send = (message) => {
      unsent++;
      done.push(`${role} ${message[0]}`);
      return true;
    };
    connection.flush = () => {
      if (unsent > 0) done.push(`${role} flush ${unsent}`);
      unsent = 0;
    };
  }
  const [submitter, client] = [...links].map(({ connection }) => connection.id) as [string, string];
  links.sendAll([
    { connection: submitter, message: ['submitted', 's', 1, { first: 1, count: 1, submittedAt: 1, duplicates: [], rejected: 0 }] },
    { connection: client, message: ['ack', 1] },
    { connection: client, message: ['work', 1, 1, []] },
  ]);
  expect(done).toEqual(['client ack', 'client work', 'client flush 2', 'submitter submitted']);
});
