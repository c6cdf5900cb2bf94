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

/** Of a session. A persistent one is still there when the connection is lost: its server is waited for. */
export async function closeSession(conversation: Conversation, session: number, persistent: boolean): Promise<void> {
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
