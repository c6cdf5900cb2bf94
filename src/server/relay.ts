/**
 * A connection whose other end is at another server: what one side says is passed on to the other, signs of life too, so that each notices the silence of
 * the other as if nothing stood between. A side that reads slowly stalls the one that sends.
 */
import { MillraceError } from '../base/errors.ts';
import type { Connection, ConnectionHandlers } from '../transport/connection.ts';

/** Join both until one of them closes; then the other is closed, and `over` called. */
export function relay(near: Connection, far: Connection, over: () => void): void {
  let joined = true;
  const part = (other: Connection, error: MillraceError | null): void => {
    if (!joined) return;
    joined = false;
    if (error === null) other.close();
    else other.destroy(new MillraceError('ERR_CONNECTION_CLOSED', `the other end of this connection is gone: ${error.message}`));
    over();
  };
  const handlers = (from: Connection, to: Connection): ConnectionHandlers => ({
    message(message) {
      try {
        if (!to.send(message)) from.pause();
      } catch (thrown) {
        from.destroy(MillraceError.from(thrown));
      }
    },
    drained: () => to.resume(),
    closed: (error) => part(to, error),
  });
  near.start(handlers(near, far));
  far.start(handlers(far, near));
}
