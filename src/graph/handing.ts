/**
 * What a client that leaves gives to others: what it alone holds and somebody needs. Another client takes it, the one that takes least; where there is none, the
 * server keeps it. The client is let go when nothing is left to give and none of its runs goes on; what was not given by the time it leaves is made again.
 */
import type { Board } from './board.ts';
import { type GraphClient, type GraphObject, objectState } from './entities.ts';
import type { Waits } from './waits.ts';

/** So many objects, or bytes, are on their way from one client at a time. */
const mostObjects = 256;
const mostBytes = 64 * 2 ** 20;

/** It begins to leave, or is back while it leaves. */
export function beginHanding(board: Board, client: GraphClient): void {
  client.handing = { left: [...client.held.values()], under: new Set(), bytes: 0, free: false };
  board.departures.leaving.add(client);
}

/** It leaves no more: it is gone. What it took is not coming. */
export function endHanding(board: Board, client: GraphClient): void {
  client.handing = null;
  board.departures.leaving.delete(client);
  dropTakes(client);
}

/** Its connection is gone, and with it what was on the way to it. */
export function dropTakes(client: GraphClient): void {
  for (const [object, giver] of client.takes.values()) {
    if (isUnder(giver, object)) giver.handing!.left.push(object);
    settle(giver, object);
  }
  client.takes.clear();
}

/** At the end of a turn: what is to be taken from whom, and who may go. */
export function handOver(board: Board): void {
  for (const client of board.departures.leaving) {
    const { handing } = client;
    if (handing === null || handing.free || !client.online) continue;
    const later: GraphObject[] = [];
    while (handing.left.length > 0 && handing.under.size < mostObjects && handing.bytes < mostBytes) {
      const object = handing.left.pop()!;
      if (handing.under.has(object) || !isWanted(object, client)) continue;
      if (isUnderWay(board, object)) {
        later.push(object);
        continue;
      }
      handing.under.add(object);
      handing.bytes += object.size;
      const taker = takerOf(board);
      if (taker === null) board.departures.rescues.push([object, client]);
      else {
        taker.takes.set(object.n, [object, client]);
        board.departures.take(taker, object);
      }
    }
    for (const object of later) handing.left.push(object);
    // What it is still to take from another that leaves would be lost with it.
    if (handing.under.size > 0 || handing.left.length > 0 || client.runs.size > 0 || client.takes.size > 0) continue;
    handing.free = true;
    board.departures.freed.push(client);
  }
}

/** A client has what it was to take; or the server, where `taker` is null. */
export function took(board: Board, waits: Waits, taker: GraphClient, n: number, has: boolean): void {
  const take = taker.takes.get(n);
  taker.takes.delete(n);
  if (take !== undefined) settle(take[1], take[0]);
  if (!has) return;
  const object = take?.[0] ?? taker.held.get(n);
  if (object?.state === objectState.finished && object.needed) {
    board.hold(taker, object);
    taker.handing?.left.push(object);
    waits.readable(object);
  } else board.orders(taker).drop.push(n);
}

/** The server has the bytes of an object of a client that leaves, or could not get them; false: they are of no use. */
export function rescued(waits: Waits, giver: GraphClient | null, object: GraphObject, has: boolean): boolean {
  if (giver !== null) settle(giver, object);
  if (!has || object.state !== objectState.finished || !object.needed) return false;
  object.rescued = true;
  waits.readable(object);
  return true;
}

function isUnder({ handing }: GraphClient, object: GraphObject): boolean {
  return handing?.under.has(object) ?? false;
}

/** Somebody takes it from another one who leaves too, or did: a second taking would be for nothing. */
function isUnderWay(board: Board, object: GraphObject): boolean {
  for (const client of board.departures.leaving) if (isUnder(client, object)) return true;
  for (const { takes } of board.clients.values()) if (takes.has(object.n)) return true;
  return false;
}

function settle({ handing }: GraphClient, object: GraphObject): void {
  if (handing?.under.delete(object)) handing.bytes -= object.size;
}

/** Nobody else who stays has it. */
function isWanted(object: GraphObject, client: GraphClient): boolean {
  if (object.state !== objectState.finished || object.constant || object.rescued || !object.needed || !client.held.has(object.n))
    return false;
  return object.holders.every((holder) => holder.closing || !holder.online);
}

function takerOf(board: Board): GraphClient | null {
  let best: GraphClient | null = null;
  for (const client of board.clients.values()) {
    if (!client.online || client.closing || client.width < 1) continue;
    if (best === null || client.takes.size < best.takes.size) best = client;
  }
  return best;
}
