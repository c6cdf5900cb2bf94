/**
 * Clients that leave in the simulation, as the server's side sees them: what others are told to take from them, what the server takes itself where nobody else is
 * there, and who is let go. What the server has taken is gone with it.
 */
import type { GraphTurn } from '../graph/effects.ts';
import type { GraphClient, GraphObject } from '../graph/entities.ts';
import type { Graph } from '../graph/graph.ts';
import type { GraphPart } from './graph-part.ts';

export class GraphDepartures {
  /** Values that the server has, by the number of the object. */
  readonly store: Map<number, number> = new Map();
  #underWay: (readonly [object: GraphObject, giver: GraphClient])[] = [];

  /** The server is to take something. */
  get busy(): boolean {
    return this.#underWay.length > 0;
  }

  decide({ takes, rescues, freed, released }: GraphTurn, partOf: (client: GraphClient) => GraphPart | undefined): void {
    for (const [client, objects] of takes) partOf(client)?.tellOf({ take: objects.map(({ n }) => n), free: false });
    for (const client of freed) partOf(client)?.tellOf({ take: [], free: true });
    for (const { n } of released) this.store.delete(n);
    this.#underWay.push(...rescues);
  }

  /** The server has it now, or could not get it. */
  rescue(graph: Graph, read: (n: number) => number | null): null {
    const [object, giver] = this.#underWay.shift()!;
    const value = read(object.n);
    const isKept = graph.rescued(giver.id, object, value !== null);
    if (isKept && value !== null) this.store.set(object.n, value);
    return null;
  }

  /** The server is lost. @returns Whether something was lost with it. */
  lose(): boolean {
    const hadSome = this.store.size > 0;
    this.store.clear();
    this.#underWay = [];
    return hadSome;
  }
}
