/** Sessions of tests that ask no server: what is made in them can be looked at. */
import { systemClock } from '../../src/base/clock.ts';
import { parseConnectOptions } from '../../src/config/connect.ts';
import { Conversation } from '../../src/session/conversation.ts';
import { Session } from '../../src/session/session.ts';
import { SessionHome } from '../../src/session/session-home.ts';

export interface LocalSession {
  readonly session: Session;
  readonly home: SessionHome;
  readonly conversation: Conversation;
}

/** Nothing is dialled before something is asked. */
export function localSession(id = 1): LocalSession {
  const conversation = new Conversation(parseConnectOptions(['localhost', 1], {}).config, systemClock);
  const home = new SessionHome(id, conversation, 'fail');
  return { home, conversation, session: new Session(home, 'test', { progress: new Set(), said: new Set() }) };
}

/** What a call throws, which must. */
export function thrown(call: () => unknown): Error & { code?: string } {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
