/** The entry of a submitter's thread. */
import { systemClock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import type { SubmitConfig } from '../config/submit-options.ts';
import type { Message } from '../protocol/messages.ts';
import { Packed } from '../protocol/msgpack-write.ts';
import { openSource } from '../source/open.ts';
import { Pump, type PumpTotals } from '../source/pump.ts';
import type { SourceReader } from '../source/reader.ts';
import { pumpOptions } from '../source/submission.ts';
import { runComponent } from '../threads/lifecycle.ts';
import { threadLogger } from '../threads/thread-logger.ts';
import { MessagePortConnection } from '../transport/message-port.ts';
import { type Bundle, bundleEvent, type SubmitThreadData } from './messages.ts';
import { type OpenSink, ServerSink, type SubmitterParts } from './submitter.ts';

const clock = systemClock;

runComponent<null, PumpTotals>(async ({ id, data, signal, emit }) => {
  const { config, sourcePath, host, count } = data as SubmitThreadData;
  const shared = new Int32Array(count);
  const counted = (tasks: number): void => void Atomics.add(shared, 0, tasks);
  // First what may be missing: nobody is troubled for a source that is not there.
  const reader = sourcePath === null ? null : await openSource(sourcePath, clock);
  const sink = await openSink(config, { id, clock, logger: threadLogger(emit), signal });
  const ended = deferred<PumpTotals>();
  const flow = reader === null ? relay(host, sink, ended, counted) : pump(reader, config, sink, ended, counted);
  sink.onFailure((error) => ended.reject(error));
  const closed = ended.promise.finally(() => sink.close());
  return {
    info: null,
    component: {
      ended: closed,
      stop: () => flow.stop(),
      request(name) {
        if (name === 'pause') flow.pause();
        else if (name === 'resume') flow.resume();
      },
    },
  };
});

async function openSink(config: SubmitConfig, parts: Omit<SubmitterParts, 'target'>): Promise<OpenSink> {
  const { target } = config;
  if (target === null) throw new MillraceError('ERR_INTERNAL', 'a submitter needs a target');
  if (target.kind === 'server') return ServerSink.open({ ...parts, target });
  // The stores are loaded by those who submit into one.
  const [{ isInUse, StoreSink }, { holderOf }] = await Promise.all([import('./store-sink.ts'), import('./holder.ts')]);
  try {
    return await StoreSink.open(target.database, parts.clock);
  } catch (error) {
    const server = isInUse(error) ? await holderOf(target) : null;
    if (server === null) throw error;
    // It may come back on another port, with another key, and leaves word of that.
    return ServerSink.open({ ...parts, target: server, locate: () => holderOf(target) });
  }
}

interface Flow {
  pause(): void;
  resume(): void;
  stop(): void;
}

function pump(
  reader: SourceReader,
  config: SubmitConfig,
  sink: OpenSink,
  ended: Deferred<PumpTotals>,
  counted: (tasks: number) => void,
): Flow {
  const onReceipt = (receipt: { count: number }): void => counted(receipt.count);
  const flow = new Pump(reader, { ...pumpOptions(config), onReceipt }, sink, clock);
  flow.done.then(ended.resolve, ended.reject);
  return { pause: () => flow.pause(), resume: () => flow.resume(), stop: () => void flow.stop().catch(() => {}) };
}

/** Bundles that the host reads go on as they come, without being read here; the host's `bye` with its totals ends the submission. */
function relay(port: SubmitThreadData['host'], sink: OpenSink, ended: Deferred<PumpTotals>, counted: (tasks: number) => void): Flow {
  if (port === null) throw new MillraceError('ERR_INTERNAL', 'a submitter needs a source');
  const peer = { role: 'submitter' as const, id: newId(), host: hostName(), pid: process.pid };
  const connection = new MessagePortConnection({ port, peer, clock, passesOn: true });
  const totals: PumpTotals = { submitted: 0, duplicates: 0, rejected: 0 };
  let open = 0;
  let over = false;
  const settle = (): void => {
    if (over && open === 0) ended.resolve(totals);
  };
  const receive = (message: Message): void => {
    if (message[0] === 'submitter-done') {
      over = true;
      settle();
    }
    if (message[0] !== 'event' || message[1] !== bundleEvent) return;
    const [sequence, tasks] = message[2] as Bundle;
    open++;
    sink.forward(sequence, new Packed(tasks)).then(
      (receipt) => {
        open--;
        totals.submitted += receipt.count;
        totals.duplicates += receipt.duplicates.length;
        totals.rejected += receipt.rejected;
        counted(receipt.count);
        connection.send(['submitted', '', sequence, receipt]);
        settle();
      },
      (error: unknown) => ended.reject(error),
    );
  };
  connection.start({ message: receive, closed: () => {} });
  // The host's own pump is what is paused and stopped.
  return { pause: () => {}, resume: () => {}, stop: () => {} };
}
