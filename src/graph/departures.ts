/** Clients that leave, and what a turn decides about what they hold (`handing.ts`). */
import type { GraphTurn } from './effects.ts';
import type { GraphClient, GraphObject } from './entities.ts';

type Decided = Pick<GraphTurn, 'takes' | 'rescues' | 'freed' | 'released'>;

export class Departures {
  readonly leaving: Set<GraphClient> = new Set();
  /** Who is to take what; what the server is to take, from whom; who may go. */
  takes: Map<GraphClient, GraphObject[]> = new Map();
  rescues: (readonly [object: GraphObject, giver: GraphClient])[] = [];
  freed: GraphClient[] = [];
  /** What the server had taken and nobody needs any more. */
  released: GraphObject[] = [];

  take(client: GraphClient, object: GraphObject): void {
    const takes = this.takes.get(client);
    if (takes === undefined) this.takes.set(client, [object]);
    else takes.push(object);
  }

  endTurn(): Decided {
    const { takes, rescues, freed, released } = this;
    if (takes.size > 0) this.takes = new Map();
    if (rescues.length > 0) this.rescues = [];
    if (freed.length > 0) this.freed = [];
    if (released.length > 0) this.released = [];
    return { takes, rescues, freed, released };
  }
}
