/** What a running task has written so far: asked of the client that runs it, when somebody wants to see it. Nothing of it is stored. */
import { MillraceError } from '../base/errors.ts';
import { checkRunningOutput, mostOutput, type RunningOutput, someOutput } from '../protocol/running-output.ts';
import { taskState } from '../task/state.ts';
import type { Peer } from '../transport/peer.ts';
import type { ServerCore } from './core/core.ts';

/** How long a client may take to answer (ms). */
const patience = 10_000;

/** Null: it does not run. @throws ERR_TIMEOUT, ERR_CONNECTION_CLOSED, ERR_QUERY, and what the client refuses it with */
export async function runningOutput(
  core: ServerCore,
  n: number,
  wanted: unknown,
  peerOf: (connection: string) => Peer | null,
): Promise<RunningOutput | null> {
  const limit = wanted ?? someOutput;
  if (!Number.isSafeInteger(limit) || (limit as number) < 1 || (limit as number) > mostOutput)
    throw new MillraceError('ERR_QUERY', `the limit of an output is a whole number of bytes from 1 to ${mostOutput}`);
  const task = core.task(n);
  const connection = task?.grant?.client.connection ?? null;
  if (task?.state !== taskState.running || connection === null) return null;
  const answer = await peerOf(connection)?.request('output', { n, limit }, { timeout: patience });
  return checkRunningOutput(answer ?? null, limit as number);
}
