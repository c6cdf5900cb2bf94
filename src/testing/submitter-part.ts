/** A submitter of a simulation: numbered bundles, at most four under way, sent again after each reconnection until they are acknowledged. */
import type { Message } from '../protocol/messages.ts';
import type { WireTask } from '../task/task.ts';
import type { End, Link } from './network.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';
import type { ServerPart } from './server-part.ts';
import type { World } from './world.ts';

/** ms: a server that took the connection and says nothing is given up. */
const greetingTimeout = 5_000;

export class SubmitterPart implements End {
  readonly id: string;
  readonly process: Process;
  readonly #world: World;
  readonly #server: ServerPart;
  readonly #random: Random;
  readonly #bundles: readonly (readonly WireTask[])[];
  #link: Link | null = null;
  #ready = false;
  #sent = 0;
  #acknowledged = 0;
  #farthest = 0;
  done = false;

  constructor(world: World, server: ServerPart, id: string, bundles: readonly (readonly WireTask[])[]) {
    this.#world = world;
    this.#server = server;
    this.id = id;
    this.#bundles = bundles;
    this.#random = world.chance(id);
    this.process = new Process(world.clock);
    this.#retry(0);
    this.process.after(world.heartrate, () => this.#beat());
  }

  get link(): Link | null {
    return this.#link;
  }

  /** Whether it still has something to submit. */
  get unfinished(): boolean {
    return this.process.alive && !this.done;
  }

  crash(): void {
    if (!this.unfinished) return;
    this.#world.tell(`${this.id} crashes`);
    this.#world.count('submitter crash');
    this.process.kill();
    this.#link?.drop('up');
  }

  receive(link: Link, message: Message): void {
    this.process.run(() => {
      if (link !== this.#link) return;
      if (message[0] === 'welcome') {
        this.#ready = true;
        link.send('up', ['submitter-open', this.id]);
        this.#send();
      } else if (message[0] === 'submitted') this.#accepted(message);
    });
  }

  closed(link: Link): void {
    this.process.run(() => {
      if (link !== this.#link) return;
      link.close('up');
      this.#offline();
    });
  }

  #giveUp(link: Link): void {
    if (link !== this.#link || this.#ready) return;
    link.close('up');
    this.#offline();
  }

  #offline(): void {
    this.#link = null;
    this.#ready = false;
    this.#sent = this.#acknowledged;
    this.#retry(this.#random.next() ** 3 * 1_000);
  }

  #retry(wait: number): void {
    this.process.after(wait, () => {
      if (this.done || this.#link !== null) return;
      const { network } = this.#world;
      if (!this.#server.up || !network.reachable(this.id)) {
        this.#retry(100 + this.#random.next() * 500);
        return;
      }
      const link = this.#server.connect(this.id, 'submitter', this, null);
      this.#link = link;
      if (link !== null) this.process.after(greetingTimeout, () => this.#giveUp(link));
    });
  }

  #send(): void {
    const link = this.#link;
    if (link === null || !this.#ready || this.done) return;
    while (this.#sent < this.#bundles.length && this.#sent - this.#acknowledged < 4) {
      const sequence = ++this.#sent;
      if (sequence <= this.#farthest) this.#world.count('bundle sent again');
      this.#farthest = Math.max(this.#farthest, sequence);
      link.send('up', ['submit', this.id, sequence, this.#bundles[sequence - 1]!, false]);
    }
    if (this.#acknowledged < this.#bundles.length) return;
    this.done = true;
    this.#world.tell(`${this.id} is done`);
    link.send('up', ['submitter-done', this.id]);
    link.close('up');
  }

  #accepted([, , sequence, { first, duplicates }]: Extract<Message, readonly ['submitted', ...unknown[]]>): void {
    if (sequence <= this.#acknowledged) return;
    if (sequence !== this.#acknowledged + 1) throw new Error(`${this.id} was told of bundle ${sequence} after ${this.#acknowledged}`);
    this.#acknowledged = sequence;
    this.#world.tell(`${this.id} is told that its bundle ${sequence} was accepted`);
    const known = new Map(duplicates);
    let n = first;
    this.#bundles[sequence - 1]!.forEach(([, label], place) => {
      if (!known.has(place)) this.#world.ledger.accepted.set(n++, label);
    });
    // The source is slow now and then.
    const wait = this.#world.simple.has('eager sources') ? 0 : this.#random.next() ** 2 * 1_500;
    this.process.after(wait, () => this.#send());
  }

  #beat(): void {
    if (this.done) return;
    this.#link?.send('up', ['heartbeat']);
    this.process.after(this.#world.heartrate, () => this.#beat());
  }
}
