/**
 * The context of one call in its thread: what the call is told, and its way to say something. Nothing here costs a call anything that does
 * not ask for it. A settled call says nothing more.
 */
import { format } from 'node:util';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { MillraceError } from '../../../base/errors.ts';
import { outcomes } from '../../../task/result.ts';
import type { TagValue } from '../../../task/task.ts';
import { decodeValue } from '../../../task/value.ts';
import type { ParentEnd } from '../../executor.ts';
import type { FunctionContext, ParentResult } from './context.ts';
import { type CallFacts, type EndExtras, mark } from './journal.ts';
import { type CallBatch, Speech, send } from './speech.ts';

export class CallContext implements FunctionContext {
  readonly id: string;
  readonly attempt: number;
  readonly #batch: CallBatch;
  readonly #at: number;
  readonly #facts: CallFacts | undefined;
  #controller: AbortController | null = null;
  #port: MessagePort | null = null;
  #parents: readonly ParentResult[] | null = null;
  #speech: Speech | null = null;
  #moved: readonly ArrayBuffer[] | null = null;
  settled = false;

  constructor(batch: CallBatch, at: number, id: string, attempt: number, facts: CallFacts | undefined) {
    this.#batch = batch;
    this.#at = at;
    this.id = id;
    this.attempt = attempt;
    this.#facts = facts;
  }

  get slot(): number {
    return this.#batch.slot;
  }

  get group(): number {
    return this.#facts?.group ?? 0;
  }

  get tags(): Readonly<Record<string, TagValue>> {
    return this.#facts?.tags ?? {};
  }

  get parents(): readonly ParentResult[] {
    this.#parents ??= (this.#facts?.parents ?? []).map((end) => new LazyParent(end));
    return this.#parents;
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#listen(new AbortController());
    // A busy function, to which no message comes, can ask again and again.
    if (!this.settled && this.#batch.journal.aborts(this.#at)) this.#controller.abort();
    return this.#controller.signal;
  }

  // Functions of their own, so that `const { progress, log } = functionContext()` may be written.
  get progress(): FunctionContext['progress'] {
    return (value) => this.#say()?.progress(value);
  }

  get log(): FunctionContext['log'] {
    return (...parts) => this.#say()?.line(format(...parts));
  }

  get transfer(): FunctionContext['transfer'] {
    return (value, list) => {
      if (!list.every((item) => item instanceof ArrayBuffer))
        throw new MillraceError('ERR_NOT_CLONEABLE', 'transfer() takes ArrayBuffers only: ports and streams cannot leave their process');
      this.#moved = list;
      return value;
    };
  }

  /** The value is encoded: what was given away with it is let go. */
  letGo(): void {
    if (this.#moved === null) return;
    for (const buffer of new Set(this.#moved)) {
      try {
        structuredClone(buffer, { transfer: [buffer] });
      } catch {
        // Empty already, or shared by Node among many small buffers: it stays what it is.
      }
    }
  }

  /** The call has ended: what it said and nobody was told. */
  settle(): EndExtras | undefined {
    this.settled = true;
    this.#port?.close();
    return this.#speech?.rest();
  }

  /** What was said leaves now: the thread may not come to the end of the call. */
  flush(): void {
    if (!this.settled) this.#speech?.flush();
  }

  #listen(controller: AbortController): AbortController {
    if (this.settled) return controller;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.once('message', () => controller.abort());
    port1.unref();
    send([mark, 'abort-port', this.#batch.slot, this.#batch.number, this.#at, port2], [port2]);
    return controller;
  }

  #say(): Speech | null {
    if (this.settled) return null;
    this.#speech ??= new Speech(this.#batch, this.#at);
    return this.#speech;
  }
}

/** Its value costs nothing until it is asked for. */
class LazyParent implements ParentResult {
  readonly id: string;
  readonly outcome: ParentResult['outcome'];
  readonly valuePath?: string;
  readonly #end: ParentEnd;
  #value: { readonly is: unknown } | null = null;

  constructor(end: ParentEnd) {
    this.#end = end;
    this.id = end.id;
    const outcome = outcomes[end.outcome];
    this.outcome = outcome === undefined || outcome === 'none' ? null : outcome;
    if (end.valuePath !== undefined) this.valuePath = end.valuePath;
  }

  get value(): unknown {
    this.#value ??= { is: this.#end.value === null ? undefined : decodeValue(this.#end.value) };
    return this.#value.is;
  }

  get stdout(): Buffer {
    const { stdout } = this.#end;
    if (stdout === null) return Buffer.alloc(0);
    return typeof stdout === 'string' ? Buffer.from(stdout) : Buffer.from(stdout);
  }
}
