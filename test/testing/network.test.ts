import { expect, it } from 'vitest';
import type { Message } from '../../src/protocol/messages.ts';
import { VirtualClock } from '../../src/testing/clock.ts';
import { type End, Network } from '../../src/testing/network.ts';
import { Random } from '../../src/testing/random.ts';

function setup() {
  const clock = new VirtualClock();
  const network = new Network(clock, (name) => Random.stream(1, name), 50);
  const heard: string[] = [];
  const end = (name: string): End => ({
    receive: (_link, message) => heard.push(`${name} ${message[0]} ${String(message[1] ?? '')}`.trim()),
    closed: () => heard.push(`${name} closed`),
  });
  return { clock, network, heard, link: network.connect('part', end('part'), end('server')) };
}

const ack = (n: number): Message => ['ack', n];

it('delivers in order, then tells of the close', () => {
  const { clock, heard, link } = setup();
  for (let n = 1; n <= 5; n++) link.send('down', ack(n));
  link.close('down');
  clock.advance(1_000);
  expect(heard).toEqual(['part ack 1', 'part ack 2', 'part ack 3', 'part ack 4', 'part ack 5', 'part closed']);
});

it('keeps what is sent into a partition until it heals', () => {
  const { clock, network, heard, link } = setup();
  network.block('part', ['up']);
  link.send('up', ['heartbeat']);
  link.send('down', ack(1));
  clock.advance(1_000);
  expect(heard).toEqual(['part ack 1']);
  network.heal('part');
  clock.advance(1_000);
  expect(heard).toEqual(['part ack 1', 'server heartbeat']);
});

it('tells both ends of a cut and delivers nothing that is sent after it', () => {
  const { clock, network, heard, link } = setup();
  link.cut();
  link.send('up', ['heartbeat']);
  link.send('down', ack(1));
  clock.advance(1_000);
  expect(heard.sort()).toEqual(['part closed', 'server closed']);
  expect(network.links.size).toBe(0);
});

it('lets what was on its way on an old connection arrive after a newer one stands, and its end last', () => {
  const { clock, network, heard, link } = setup();
  link.send('up', ['heartbeat']);
  link.cut({ direction: 'up', ms: 2_000 });
  clock.advance(1_000);
  expect(heard).toEqual(['part closed']);
  expect(network.isNewest(link)).toBe(true);
  const ends = { receive: () => heard.push('newer'), closed: () => {} };
  network.connect('part', ends, ends).send('up', ['heartbeat']);
  expect(network.isNewest(link)).toBe(false);
  clock.advance(2_000);
  expect(heard.at(-1)).toBe('server closed');
  expect(heard.indexOf('newer')).toBeLessThan(heard.indexOf('server closed'));
});
