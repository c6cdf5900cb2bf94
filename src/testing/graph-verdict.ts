/** What has to be true of the clients of a simulated world of graphs at its end: who holds what, and with which value. */
import { type GraphClient, GraphObject, type GraphSession, objectState } from '../graph/entities.ts';
import { expectedOf, type GraphPart } from './graph-part.ts';

/** @throws when the client and the server know of different objects */
export function verifyHeld({ id, store }: GraphPart, client: GraphClient | null): void {
  const known = new Set(client?.held.keys() ?? []);
  for (const n of store.keys()) if (!known.has(n)) throw new Error(`${id} holds object ${n}, which nobody knows of`);
  for (const n of known) if (!store.has(n)) throw new Error(`${id} should hold object ${n}`);
}

/** `taken`: what the server has from clients that left. @throws when a finished object has another value than its inputs give */
export function verifyValues(session: GraphSession, parts: readonly GraphPart[], taken: ReadonlyMap<number, number>): void {
  const values = new Map<GraphObject, number>();
  for (const node of session.nodes.values()) {
    if (!(node instanceof GraphObject) || node.state !== objectState.finished || node.constant) continue;
    const expected = expectedOf(node, values);
    const kept = taken.get(node.n);
    if (node.rescued && kept !== expected) throw new Error(`object ${node.id} has the value ${kept} at the server`);
    for (const { id } of node.holders) {
      const value = parts.find((part) => part.id === id)?.store.get(node.n);
      if (value !== expected) throw new Error(`object ${node.id} has the value ${value} at ${id}`);
    }
  }
}

/** @throws when a client that leaves is never let go */
export function verifyGone(clients: Iterable<GraphClient>): void {
  for (const { id, closing, online, handing } of clients)
    if (closing && online)
      throw new Error(`${id} leaves, and is not let go: ${handing?.left.length} objects are left, ${handing?.under.size} under way`);
}
