/** What the adversary of a simulation can do, one function each. All that it draws comes from the stream of that one trouble. */
import { outcomeCode } from '../task/result.ts';
import { cancelTasks, changeTasks } from './changes.ts';
import type { ClientPart } from './client-part.ts';
import type { Random } from './random.ts';
import { machines, type ServerPart } from './server-part.ts';
import type { SubmitterPart } from './submitter-part.ts';
import type { World } from './world.ts';

export interface Cast {
  readonly server: ServerPart;
  readonly clients: readonly ClientPart[];
  readonly submitters: readonly SubmitterPart[];
}

export interface Kind {
  /** How often it comes, beside the others. */
  readonly weight: number;
  readonly make: (world: World, cast: Cast, random: Random) => void;
}

export const troubleNames = [
  'server crash',
  'client crash',
  'server frozen',
  'client frozen',
  'second server',
  'lock lost',
  'cut',
  'half-open',
  'slow disk',
  'full disk',
  'partition',
  'leave',
  'submitter crash',
  'clock',
  'pause',
  'cancel',
  'late cancel',
  'change',
  'stop',
] as const;
export type TroubleName = (typeof troubleNames)[number];

export const troubles: Readonly<Record<TroubleName, Kind>> = {
  'server crash': { weight: 2, make: crashServer },
  'client crash': { weight: 1, make: (_world, { clients }, random) => oneOf(clients, random).crash('') },
  'server frozen': { weight: 1, make: freezeServer },
  'client frozen': { weight: 1, make: freezeClient },
  'second server': { weight: 1, make: secondServer },
  'lock lost': { weight: 1, make: loseLock },
  cut: { weight: 2, make: (world, _cast, random) => cut(world, random, 0) },
  'half-open': { weight: 2, make: (world, _cast, random) => cut(world, random, random.between(200, 6_000)) },
  'slow disk': { weight: 1, make: slowDisk },
  'full disk': { weight: 1, make: fullDisk },
  partition: { weight: 2, make: partition },
  leave: { weight: 1, make: leave },
  'submitter crash': { weight: 1, make: crashSubmitter },
  clock: { weight: 1, make: setClock },
  pause: { weight: 1, make: pause },
  cancel: { weight: 1, make: cancel },
  'late cancel': { weight: 1, make: cancelLate },
  change: { weight: 3, make: change },
  stop: { weight: 1, make: stop },
};

function secondServer(_world: World, { server }: Cast, random: Random): void {
  const machine = random.pick(machines);
  if (server.up) server.start(machine, false);
}

/** A server that is frozen loses its lock and is replaced, and then it thaws: what it wants to commit must not count. */
function loseLock({ clock, count, tell, options }: World, { server }: Cast, random: Random): void {
  const { life } = server;
  const [wait, ms, machine] = [random.between(1, 2_000), random.next() * 2 * options.evictAfter, random.pick(machines)];
  if (life === null || life.process.frozen || life.finished || random.chance(0.5)) return;
  count('lock lost');
  tell('the server freezes, and loses the lock of its store');
  life.freeze();
  server.loseLock();
  clock.after(wait, () => {
    if (server.life === life) server.start(machine, false);
  });
  clock.after(wait + ms, () => life.thaw());
  clock.after(wait + ms + 5_000, () => life.crash('at last'));
}

function crashSubmitter(_world: World, { submitters }: Cast, random: Random): void {
  if (random.chance(0.5)) random.pick(submitters).crash();
}

function crashServer({ clock }: World, { server }: Cast, random: Random): void {
  server.weather.crashNext = random.pick(['before', 'after', 'between'] as const);
  clock.after(300, () => {
    if (server.weather.crashNext !== null && !server.finished) server.crash('while it has nothing to write');
  });
}

/** It thaws, or it is killed as it stands. */
function freezeServer({ clock, count, tell, options }: World, { server }: Cast, random: Random): void {
  const { life } = server;
  const ms = random.next() * 2.5 * options.evictAfter;
  const dies = random.chance(0.3);
  if (life === null || life.process.frozen) return;
  count('server frozen');
  tell('the server freezes');
  life.freeze();
  clock.after(ms, () => {
    if (!life.process.alive || !life.process.frozen) return;
    if (dies) life.crash('as it is frozen');
    else {
      tell('the server thaws');
      life.thaw();
    }
  });
}

function freezeClient({ clock, count, tell, options }: World, { clients }: Cast, random: Random): void {
  const client = oneOf(clients, random);
  if (client.process.frozen) return;
  count('client frozen');
  tell(`${client.id} freezes`);
  client.process.freeze();
  clock.after(random.next() * 2.5 * options.evictAfter, () => {
    tell(`${client.id} thaws`);
    client.process.thaw();
  });
}

/** `late`: one of its ends learns of it so many ms later, and until then hears what was on its way. */
function cut({ network, count, tell }: World, random: Random, late: number): void {
  const links = [...network.links];
  const direction = random.chance(0.7) ? ('up' as const) : ('down' as const);
  if (links.length === 0) return;
  const link = random.pick(links);
  count(late > 0 ? 'half-open connection' : 'connection cut');
  tell(`${link.id} is cut${late > 0 ? `, half open for ${late} ms` : ''}`);
  link.cut(late > 0 ? { direction, ms: late } : null);
}

/** Commits take long, and meanwhile connections come and go. */
function slowDisk(world: World, { server }: Cast, random: Random): void {
  const { clock, count, tell } = world;
  count('slow disk');
  tell('the disk is slow');
  server.weather.slowUntil = clock.now() + random.between(500, 4_000);
  for (let cuts = random.between(0, 3); cuts > 0; cuts--) clock.after(random.between(1, 2_000), () => cut(world, random, 0));
}

/** Nothing can be written, for longer than a silent client would be waited for, or shorter. */
function fullDisk({ clock, count, tell, options }: World, { server }: Cast, random: Random): void {
  const ms = random.between(200, 2.5 * options.evictAfter);
  count('disk full');
  tell(`the disk is full for ${ms} ms`);
  server.weather.fullUntil = clock.now() + ms;
}

function partition({ network, clock, count, tell, options }: World, { clients, submitters }: Cast, random: Random): void {
  const part = random.chance(0.7) ? oneOf(clients, random) : random.pick(submitters);
  const oneWay = random.chance(0.5);
  const direction = random.pick(['up', 'down'] as const);
  count(oneWay ? 'partition one way' : 'partition both ways');
  const directions = oneWay ? [direction] : (['up', 'down'] as const);
  tell(`${part.id} is cut off ${directions.join(' and ')}`);
  network.block(part.id, directions);
  clock.after(random.next() * 2.5 * options.evictAfter, () => {
    tell(`${part.id} is reachable again`);
    network.heal(part.id);
  });
}

function leave({ count, tell }: World, { clients }: Cast, random: Random): void {
  const client = oneOf(clients, random);
  const drain = random.chance(0.5);
  count(drain ? 'client drained' : 'client stopped');
  tell(`${client.id} is told to ${drain ? 'drain' : 'stop'}`);
  if (!drain) client.stopped = true;
  client.process.run(() => client.feed({ type: drain ? 'drain' : 'stop' }));
}

function setClock({ count, tell, setClock }: World, { clients }: Cast, random: Random): void {
  const machine = random.chance(0.6) ? random.pick(machines) : oneOf(clients, random).id;
  const ms = random.between(-40_000, 40_000);
  count(ms < 0 ? 'clock set back' : 'clock set forward');
  tell(`the clock of ${machine} is set by ${ms} ms`);
  setClock(machine, ms);
}

function pause({ clock, count, tell }: World, { server }: Cast, random: Random): void {
  const ms = random.between(50, 2_000);
  if (!server.up) return;
  count('pause');
  tell('the server is paused');
  server.feed({ type: 'hold', reason: 'paused' });
  clock.after(ms, () => server.feed({ type: 'unhold', reason: 'paused' }));
}

function cancel(world: World, { server }: Cast, random: Random): void {
  const { ledger } = world;
  const pending = [...ledger.accepted.keys()].filter((n) => ledger.ends.get(n) === undefined);
  if (pending.length === 0) return;
  const running = pending.filter((n) => ledger.runs.get(n)?.some(({ outcome }) => outcome === 'running'));
  cancelTasks(server, world, [random.pick(running.length > 0 && random.chance(0.7) ? running : pending)]);
}

/** Cancel the moment after something ended: its result is on its way. */
function cancelLate(world: World, cast: Cast, random: Random): void {
  const { ledger } = world;
  const late = [...ledger.accepted.keys()].filter(
    (n) => !ledger.ends.has(n) && ledger.runs.get(n)?.some(({ outcome }) => outcome === 'succeeded'),
  );
  if (late.length > 0) cancelTasks(cast.server, world, [random.pick(late)]);
  else cancel(world, cast, random);
}

function change(world: World, { server }: Cast, random: Random): void {
  const { ledger } = world;
  const kind = random.pick(['update', 'revert', 'revert', 'requeue', 'requeue', 'delete'] as const);
  const tasks = [...ledger.accepted.keys()].filter((n) => ledger.tasks.has(n));
  const failed = tasks.filter((n) => (ledger.ends.get(n)?.outcome ?? outcomeCode.succeeded) !== outcomeCode.succeeded);
  const some = kind === 'requeue' && failed.length > 0 ? failed : tasks;
  if (some.length === 0) return;
  const numbers = [...new Set(Array.from({ length: random.between(1, 4) }, () => random.pick(some)))];
  const change = kind === 'update' ? { kind, tags: { seen: random.below(100) }, removeTags: [] } : { kind };
  changeTasks(server, world, change, numbers);
}

/** The run is stopped by hand: most seeds see nothing of it. */
function stop({ count, tell }: World, { server }: Cast, random: Random): void {
  if (!server.up || !random.chance(0.03)) return;
  const drain = random.chance(0.5);
  count('run stopped');
  tell(`the run is told to ${drain ? 'drain' : 'stop'}`);
  server.feed({ type: 'stop', drain });
}

function oneOf(clients: readonly ClientPart[], random: Random): ClientPart {
  const alive = clients.filter(({ process, ended }) => process.alive && !ended);
  return random.pick(alive.length > 0 ? alive : clients);
}
