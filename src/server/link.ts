/** One connection as the server sees it: its messages become events of the core, its requests are answered, its silence is noticed. */
import { MillraceError } from '../base/errors.ts';
import type { End, Message, Role } from '../protocol/messages.ts';
import type { Connection } from '../transport/connection.ts';
import type { Peer } from '../transport/peer.ts';
import type { CoreEvent } from './core/events.ts';

export interface Link {
  readonly connection: Connection;
  readonly peer: Peer;
  readonly role: Role;
  /** The handle's own, inside the process: it may stop and pause. */
  readonly host: boolean;
  /** Event names that it listens to. */
  readonly listens: Set<string>;
  /** Open result cursors. */
  cursors: number;
}

/** A sender inside the server that has no connection: what it is sent, and why it is sent nothing more. */
export interface Interceptor {
  receive(message: Message): void;
  cut(error: MillraceError): void;
}

/** What a message of a client means to the core; null: nothing. */
export function clientEvent(connection: string, message: Message): CoreEvent | null {
  switch (message[0]) {
    case 'heartbeat':
      return { type: 'contact', connection };
    case 'resume':
      return { type: 'resume', connection, held: message[1] };
    case 'want':
      return { type: 'want', connection, sequence: message[1], tasks: message[2], free: message[3] };
    case 'started':
      return { type: 'started', connection, grant: message[1], places: message[2] };
    case 'results':
      return { type: 'results', connection, sequence: message[1], bundles: message[2] };
    case 'back':
      return { type: 'given-back', connection, given: message[1] };
    case 'bye':
      return { type: 'bye', connection };
    default:
      throw unexpected(message, 'client');
  }
}

/** Clients are told of the end and leave; whoever else is connected may still read what is recorded. */
export function tellEnd({ role, connection }: Link, reason: End[1] = 'complete'): void {
  if (role !== 'client') return;
  connection.send(['end', reason]);
  connection.close();
}

/** It came when the run was over, or (null) goes on at another server. */
export function turnAway(link: Link, finish: { readonly reason: End[1] } | null): void {
  if (finish === null) link.connection.close();
  else tellEnd(link, finish.reason);
}

/** A message that this role may not send. */
export function unexpected(message: Message, role: Role): MillraceError {
  return new MillraceError('ERR_PROTOCOL', `a ${role} may not send '${message[0]}'`);
}

/** About how many rows a message will write, to bound a transaction. */
export function rowsOf(message: Message): number {
  if (message[0] === 'submit') return message[3].length;
  if (message[0] !== 'results') return 0;
  let rows = 0;
  for (const [, results] of message[2]) rows += results.length;
  return rows;
}
