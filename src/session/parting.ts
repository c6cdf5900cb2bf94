/** Requests that let go of something, over connections that may be cut: what was let go already is what was asked for. */
import { MillraceError } from '../base/errors.ts';
import type { GraphRequests, NodeId } from '../protocol/graph-messages.ts';
import type { Conversation } from './conversation.ts';

const codeOf = (error: unknown): string | null => (error instanceof MillraceError ? error.code : null);

/** Of objects that are kept. */
export async function letGo(
  ask: (name: 'graph.unkeep', parameters: GraphRequests['graph.unkeep'][0]) => Promise<null>,
  session: number,
  objects: readonly NodeId[],
): Promise<void> {
  for (let again = false; ; again = true) {
    try {
      await ask('graph.unkeep', { session, objects });
      return;
    } catch (error) {
      if (again && codeOf(error) === 'ERR_STATE') return;
      if (codeOf(error) !== 'ERR_CONNECTION_CLOSED') throw error;
    }
  }
}

/** The end of a session: the first who calls for it fails as it does, later ones wait for it. */
export class Parting {
  #end: Promise<void> | null = null;

  get begun(): boolean {
    return this.#end !== null;
  }

  once(how: () => Promise<void>): Promise<void> {
    if (this.#end !== null) return this.#end;
    const ended = how();
    this.#end = ended.catch(() => {});
    return ended;
  }
}

/** Of a session. Without a connection it goes on by itself. */
export async function leaveSession(conversation: Conversation, session: number): Promise<void> {
  conversation.leave(session);
  await conversation.tell('graph.leave', { session });
}

/** Of a session. A persistent one is still there when the connection is lost: its server is waited for. */
export async function closeSession(conversation: Conversation, session: number, persistent: boolean): Promise<void> {
  if (!persistent) conversation.leave(session);
  for (;;) {
    try {
      await conversation.ask('graph.close', { session });
      break;
    } catch (error) {
      // Else the connection is gone, and the session with it.
      if (!persistent) return;
      if (codeOf(error) === 'ERR_CONNECTION_CLOSED') continue;
      conversation.leave(session);
      throw error;
    }
  }
  conversation.leave(session);
}
