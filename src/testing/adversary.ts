/** The seeded adversary: now and then it does something bad, until it is told to be calm; then it repairs what can be repaired. */
import { outcomeCode } from '../task/result.ts';
import { cancelTasks, changeTasks } from './changes.ts';
import type { ClientPart } from './client-part.ts';
import type { ServerPart } from './server-part.ts';
import type { SubmitterPart } from './submitter-part.ts';
import type { World } from './world.ts';

export interface Cast {
  readonly server: ServerPart;
  readonly clients: readonly ClientPart[];
  readonly submitters: readonly SubmitterPart[];
}

type Action = (adversary: Adversary) => void;

export class Adversary {
  readonly #world: World;
  readonly #cast: Cast;
  #calm = false;

  constructor(world: World, cast: Cast) {
    this.#world = world;
    this.#cast = cast;
    // Every seed has at least one crash.
    world.clock.after(world.random.between(50, 600), () => {
      if (world.random.chance(0.6)) this.crashServer();
      else this.crashClient();
    });
    this.#next();
  }

  calm(): void {
    if (this.#calm) return;
    this.#calm = true;
    this.#world.tell('the adversary is calm');
    const { network } = this.#world;
    for (const part of [...this.#cast.clients, ...this.#cast.submitters]) {
      network.heal(part.id);
      part.process.thaw();
    }
    this.#cast.server.crashNext = null;
    this.#cast.server.feed({ type: 'unhold', reason: 'paused' });
  }

  #next(): void {
    const { clock, random } = this.#world;
    clock.after(random.between(100, 1_800), () => {
      if (this.#calm || this.#cast.server.finished) return;
      random.pick(actions)(this);
      this.#next();
    });
  }

  crashServer(): void {
    const { server } = this.#cast;
    server.crashNext = this.#world.random.pick(['before', 'after', 'between'] as const);
    this.#world.clock.after(300, () => {
      if (server.crashNext !== null && !server.finished) server.crash('while it has nothing to write');
    });
  }

  crashClient(): void {
    this.#client().crash('');
  }

  freeze(): void {
    const { random, clock, count, tell, options } = this.#world;
    const client = this.#client();
    if (client.process.frozen) return;
    count('client frozen');
    tell(`${client.id} freezes`);
    client.process.freeze();
    clock.after(random.next() * 2.5 * options.evictAfter, () => {
      tell(`${client.id} thaws`);
      client.process.thaw();
    });
  }

  cut(): void {
    const { random, network, count, tell } = this.#world;
    const links = [...network.links];
    if (links.length === 0) return;
    const link = random.pick(links);
    count('connection cut');
    tell(`${link.id} is cut`);
    link.cut();
  }

  /** Commits take long, and meanwhile connections come and go. */
  slowDisk(): void {
    const { random, clock, count, tell } = this.#world;
    count('slow disk');
    tell('the disk is slow');
    this.#cast.server.slowUntil = clock.now() + random.between(500, 4_000);
    for (let cuts = random.between(0, 3); cuts > 0; cuts--) clock.after(random.between(1, 2_000), () => this.cut());
  }

  partition(): void {
    const { random, network, clock, count, tell, options } = this.#world;
    const part = random.pick([...this.#cast.clients, ...this.#cast.submitters]);
    const oneWay = random.chance(0.5);
    count(oneWay ? 'partition one way' : 'partition both ways');
    const directions = oneWay ? [random.pick(['up', 'down'] as const)] : (['up', 'down'] as const);
    tell(`${part.id} is cut off ${directions.join(' and ')}`);
    network.block(part.id, directions);
    clock.after(random.next() * 2.5 * options.evictAfter, () => {
      tell(`${part.id} is reachable again`);
      network.heal(part.id);
    });
  }

  leave(): void {
    const { random, count, tell } = this.#world;
    const client = this.#client();
    const drain = random.chance(0.5);
    count(drain ? 'client drained' : 'client stopped');
    tell(`${client.id} is told to ${drain ? 'drain' : 'stop'}`);
    if (!drain) client.stopped = true;
    client.process.run(() => client.feed({ type: drain ? 'drain' : 'stop' }));
  }

  crashSubmitter(): void {
    if (this.#world.random.chance(0.5)) this.#world.random.pick(this.#cast.submitters).crash();
  }

  pause(): void {
    const { random, clock, count, tell } = this.#world;
    const { server } = this.#cast;
    if (!server.up) return;
    count('pause');
    tell('the server is paused');
    server.feed({ type: 'hold', reason: 'paused' });
    clock.after(random.between(50, 2_000), () => server.feed({ type: 'unhold', reason: 'paused' }));
  }

  cancel(): void {
    const { random, ledger } = this.#world;
    const pending = [...ledger.accepted.keys()].filter((n) => ledger.ends.get(n) === undefined);
    if (pending.length === 0) return;
    const running = pending.filter((n) => ledger.runs.get(n)?.some(({ outcome }) => outcome === 'running'));
    cancelTasks(this.#cast.server, this.#world, [random.pick(running.length > 0 && random.chance(0.7) ? running : pending)]);
  }

  /** Cancel the moment after something ended: its result is on its way. */
  cancelLate(): void {
    const { random, ledger } = this.#world;
    const late = [...ledger.accepted.keys()].filter(
      (n) =>
        ledger.ends.get(n)?.outcome !== outcomeCode.cancelled &&
        !ledger.ends.has(n) &&
        ledger.runs.get(n)?.some(({ outcome }) => outcome === 'succeeded'),
    );
    if (late.length > 0) cancelTasks(this.#cast.server, this.#world, [random.pick(late)]);
    else this.cancel();
  }

  change(): void {
    const { random, ledger } = this.#world;
    const kind = random.pick(['update', 'revert', 'revert', 'requeue', 'requeue', 'delete'] as const);
    const tasks = [...ledger.accepted.keys()].filter((n) => ledger.tasks.has(n));
    const failed = tasks.filter((n) => (ledger.ends.get(n)?.outcome ?? outcomeCode.succeeded) !== outcomeCode.succeeded);
    const some = kind === 'requeue' && failed.length > 0 ? failed : tasks;
    if (some.length === 0) return;
    const numbers = [...new Set(Array.from({ length: random.between(1, 4) }, () => random.pick(some)))];
    const change = kind === 'update' ? { kind, tags: { seen: random.below(100) }, removeTags: [] } : { kind };
    changeTasks(this.#cast.server, this.#world, change, numbers);
  }

  /** The run is stopped by hand: most seeds see nothing of it. */
  stop(): void {
    const { random, count, tell } = this.#world;
    const { server } = this.#cast;
    if (!server.up || !random.chance(0.03)) return;
    const drain = random.chance(0.5);
    count('run stopped');
    tell(`the run is told to ${drain ? 'drain' : 'stop'}`);
    server.feed({ type: 'stop', drain });
  }

  #client(): ClientPart {
    const alive = this.#cast.clients.filter(({ process, ended }) => process.alive && !ended);
    return this.#world.random.pick(alive.length > 0 ? alive : this.#cast.clients);
  }
}

const actions: readonly Action[] = [
  (adversary) => adversary.crashServer(),
  (adversary) => adversary.crashServer(),
  (adversary) => adversary.crashClient(),
  (adversary) => adversary.freeze(),
  (adversary) => adversary.cut(),
  (adversary) => adversary.cut(),
  (adversary) => adversary.cut(),
  (adversary) => adversary.slowDisk(),
  (adversary) => adversary.partition(),
  (adversary) => adversary.partition(),
  (adversary) => adversary.leave(),
  (adversary) => adversary.crashSubmitter(),
  (adversary) => adversary.pause(),
  (adversary) => adversary.cancel(),
  (adversary) => adversary.cancelLate(),
  (adversary) => adversary.change(),
  (adversary) => adversary.change(),
  (adversary) => adversary.change(),
  (adversary) => adversary.stop(),
];
