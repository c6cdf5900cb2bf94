/**
 * The component's side of its thread: `runComponent` starts it, tells the host what becomes of it, and sees to it that a dead inner
 * loop takes the whole component down: whatever is thrown or rejected in this thread without being caught ends it with that error.
 *
 * States. *starting*: `start` has not resolved; a stop that comes now aborts its signal, and is remembered. *running*: requests and stops go to the component.
 * *ended*: `ended` has settled, or something was thrown; the first such error is the one that the host gets, the component is told to
 * stop, and the port is closed when it has, at the latest after `cleaningTime`. Nothing else is handled after that; answers that are due within the turn still go.
 */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type Clock, systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { toWireError, type WireError } from '../protocol/wire-error.ts';
import type { HostMessage, ThreadData, ThreadMessage } from './messages.ts';

/** What runs in the thread. */
export interface Component<End> {
  /** Resolves when the component has ended by itself or after a stop, everything of it freed; rejects with the error that ended it. */
  readonly ended: Promise<End>;
  /** `drain`: finish what runs, start nothing; else end what runs too. May be called again, and harder. */
  stop(drain: boolean): void;
  /** Answers a request of the handle (`pause`, `resume`, and its own). */
  request(name: string, value: unknown): unknown;
  /** Which events somebody listens to: the others need not be made. */
  listen?(names: ReadonlySet<string>): void;
  /** Asked once, after the end: until when the thread is still needed (results are being read); null: it may go at once. */
  lingers?(): Promise<void> | null;
}

/** What a component is started with. */
export interface ComponentContext {
  /** Its UUID. */
  readonly id: string;
  /** What the host gave it. */
  readonly data: unknown;
  /** Aborted when the handle is stopped before `start` has resolved: give up and reject. */
  readonly signal: AbortSignal;
  /** Tells those who listen on the handle; dropped when nobody does. */
  emit(name: string, value: unknown): void;
}

export interface Started<Info, End> {
  /** What the handle needs to know, for instance the bound address. Cloneable. */
  readonly info: Info;
  readonly component: Component<End>;
}

// A component that hangs in its cleaning up must not keep its error from the host.
const cleaningTime = 2_000;

/** Called once, by the thread's entry. */
export function runComponent<Info, End>(
  start: (context: ComponentContext) => Started<Info, End> | Promise<Started<Info, End>>,
  clock: Clock = systemClock,
): void {
  const { port, id, data } = workerData as ThreadData & { port: MessagePort };
  let component: Component<End> | null = null;
  let stopping: boolean | null = null;
  let listened: ReadonlySet<string> = new Set();
  let over = false;
  /** The component itself has ended, well or badly: nothing of it is left to be stopped. */
  let settled = false;
  const given = new AbortController();

  const send = (message: ThreadMessage): void => port.postMessage(message);

  /** Details that cannot cross must not cost the error itself. */
  const sendError = (thrown: unknown, message: (error: WireError) => ThreadMessage): void => {
    const error = toWireError(thrown);
    try {
      send(message(error));
    } catch {
      send(message({ ...error, details: {} }));
    }
  };

  // A turn later: a request that ended the component (an interrupt) has its answer first.
  const leave = (): void => void clock.after(0, () => port.close());

  const leaveAfter = (needed: Promise<void> | null): void => {
    if (needed === null) leave();
    else needed.then(leave, leave);
  };

  const fail = (thrown: unknown): void => {
    if (over) return;
    over = true;
    const needed = settled ? (component?.lingers?.() ?? null) : null;
    sendError(thrown, (error) => ['failed', error, needed !== null]);
    if (component === null || settled) {
      leaveAfter(needed);
      return;
    }
    const called = clock.after(cleaningTime, leave);
    const clean = (): void => {
      called();
      leave();
    };
    component.ended.then(clean, clean);
    try {
      component.stop(false);
    } catch {
      // It is broken already; its error is on its way.
    }
  };

  const end = (value: End): void => {
    if (over) return;
    settled = true;
    const needed = component?.lingers?.() ?? null;
    try {
      send(['ended', value, needed !== null]);
    } catch (error) {
      fail(error);
      return;
    }
    over = true;
    leaveAfter(needed);
  };

  const answer = async (request: number, name: string, value: unknown): Promise<void> => {
    try {
      if (component === null) throw new MillraceError('ERR_STATE', `the component is still starting; '${name}' comes too early`);
      const answered = await component.request(name, value);
      send(['answer', request, answered]);
    } catch (thrown) {
      sendError(thrown, (error) => ['refusal', request, error]);
    }
  };

  const handle = (message: HostMessage): void => {
    if (over) return;
    switch (message[0]) {
      case 'stop':
        // A harder stop replaces a softer one.
        stopping = message[1] && (stopping ?? true);
        if (component === null) given.abort();
        else component.stop(message[1]);
        return;
      case 'listen':
        listened = new Set(message[1]);
        component?.listen?.(listened);
        return;
      case 'request':
        void answer(message[1], message[2], message[3]);
    }
  };

  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  const begin = async (): Promise<void> => {
    const emit = (name: string, value: unknown): void => {
      if (!over && listened.has(name)) send(['event', name, value]);
    };
    const started = await start({ id, data, signal: given.signal, emit });
    component = started.component;
    component.ended.then(end, (error: unknown) => {
      settled = true;
      fail(error);
    });
    if (over) {
      component.stop(false);
      return;
    }
    send(['ready', started.info]);
    send(['begun']);
    component.listen?.(listened);
    if (stopping !== null) component.stop(stopping);
  };
  // Who is to hear of the start, before it: left to the event that came after a start that waits for little (Node 24 opens a database within the turn), and the
  // lines of that start were lost. The rest, a stop above all, once it has begun.
  const early: HostMessage[] = [];
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
    early.push(next.message as HostMessage);
  port.on('message', handle);
  for (const message of early) if (message[0] === 'listen') handle(message);
  begin().catch(fail);
  for (const message of early) if (message[0] !== 'listen') handle(message);
}
