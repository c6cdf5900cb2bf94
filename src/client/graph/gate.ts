/**
 * The way from the client's connection to its task graphs, which are loaded with the first order: until then this is all there is of them, and the server
 * is told that nothing is held.
 */
import { MillraceError } from '../../base/errors.ts';
import type { WireOrders, WireTakes } from '../../protocol/graph-work.ts';
import type { Answer, EventMessage, Message, Refusal, Request } from '../../protocol/messages.ts';
import { fromWireError, toWireError } from '../../protocol/wire-error.ts';
import type { RawBytes } from '../../transport/peer.ts';
import type { GraphTaskRunner } from '../graph-task-runner.ts';
import type { GraphWorkParts } from './members.ts';
import type { GraphWork } from './work.ts';

/** Requests of graphs have numbers from here on; those of others are below. */
const firstQuestion = 2 ** 40;

export interface GraphGateParts extends Omit<GraphWorkParts, 'send' | 'ask' | 'online'> {
  readonly send: (message: Message) => void;
  readonly sendBytes: (id: number, raw: RawBytes) => void;
  /** What runs the tasks: loaded with the first order. */
  readonly loadRunner: () => Promise<GraphTaskRunner>;
}

interface Question {
  resolve(value: unknown): void;
  reject(error: MillraceError): void;
}

export class GraphGate {
  readonly #parts: GraphGateParts;
  #work: GraphWork | null = null;
  #checks: { checkOrders(value: unknown): WireOrders; checkTakes(value: unknown): WireTakes } | null = null;
  #loading: Promise<void> | null = null;
  /** What came while it was loaded. */
  #early: (() => void)[] = [];
  #questions: Map<number, Question> = new Map();
  #lastQuestion = firstQuestion;
  /** Of the server that it heard last: its epoch, and the salt of its store. */
  #epoch: number | null = null;
  #salt = '';
  #online = false;
  #closed = false;
  /** The server ends. */
  #dismissed = false;
  #leaving: 'no' | 'drain' | 'now' = 'no';

  constructor(parts: GraphGateParts) {
    this.#parts = parts;
  }

  /** First on a connection. */
  connected(epoch: number, salt: string): void {
    this.#online = true;
    // Another store, or the same one after a restart, which knows the persistent sessions still.
    const isOther = this.#epoch !== null && this.#salt !== salt;
    if (isOther || (this.#epoch !== null && this.#epoch !== epoch)) this.#work?.reset(!isOther);
    this.#epoch = epoch;
    this.#salt = salt;
    if (this.#work !== null) this.#work.connected();
    else this.#parts.send(['event', 'graph.held', { sequence: 0, ends: [], runs: [], objects: [] }]);
  }

  disconnected(): void {
    this.#online = false;
    this.#early = [];
    this.#work?.departure.disconnected();
    for (const { reject } of this.#questions.values()) reject(new MillraceError('ERR_CONNECTION_CLOSED', 'the server is away'));
    this.#questions.clear();
  }

  /** True: the message was for graphs. */
  receive(message: Message): boolean {
    switch (message[0]) {
      case 'event':
        this.#event(message);
        return true;
      case '?':
        this.#answer(message);
        return true;
      case 'end':
        // It takes nothing any more.
        this.#dismissed = true;
        this.#work?.departure.over();
        return false;
      case '=':
      case '!':
        return message[1] >= firstQuestion && this.#answered(message);
      default:
        return false;
    }
  }

  lent(slot: number, key: number): void {
    this.#work?.lent(slot, key);
  }

  leave(now: boolean): void {
    if (this.#leaving === 'now') return;
    this.#leaving = now ? 'now' : 'drain';
    this.#work?.leave(now);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#loading?.catch(() => {});
    await this.#work?.close();
  }

  #event([, name, value]: EventMessage): void {
    if (name === 'graph.free') this.#work?.departure.over();
    if (name !== 'graph.orders' && name !== 'graph.take') return;
    if (this.#work !== null) {
      this.#told(name, value);
      return;
    }
    this.#early.push(() => this.#told(name, value));
    this.#loading ??= this.#load().catch((thrown: unknown) => {
      this.#parts.logger.error({ err: thrown }, 'the task graphs could not be loaded');
    });
  }

  #told(name: 'graph.orders' | 'graph.take', value: unknown): void {
    if (name === 'graph.take') this.#work?.take(this.#checks!.checkTakes(value));
    else this.#work?.orders(this.#checks!.checkOrders(value));
  }

  async #load(): Promise<void> {
    const [{ GraphWork }, { checkOrders, checkTakes }, runner] = await Promise.all([
      import('./work.ts'),
      import('../../protocol/graph-work.ts'),
      this.#parts.loadRunner(),
    ]);
    this.#checks = { checkOrders, checkTakes };
    const { send } = this.#parts;
    this.#work = new GraphWork(
      {
        ...this.#parts,
        online: () => this.#online,
        send: (name, value) => send(['event', name, value]),
        ask: (method, parameters) => this.#ask(method, parameters),
      },
      runner,
    );
    const early = this.#early;
    this.#early = [];
    if (this.#closed) return;
    if (this.#dismissed) this.#work.departure.over();
    this.#work.paths.connected();
    for (const handle of early) handle();
    if (this.#leaving !== 'no') this.#work.leave(this.#leaving === 'now');
  }

  #ask(method: string, parameters: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.#online) {
        reject(new MillraceError('ERR_CONNECTION_CLOSED', 'the server is away'));
        return;
      }
      const id = ++this.#lastQuestion;
      this.#questions.set(id, { resolve, reject });
      this.#parts.send(['?', id, method, parameters]);
    });
  }

  #answered(message: Answer | Refusal): boolean {
    const question = this.#questions.get(message[1]);
    this.#questions.delete(message[1]);
    // A new one: the tables of one that is used on and on keep answers that were given long ago.
    if (this.#questions.size === 0) this.#questions = new Map();
    if (message[0] === '=') question?.resolve(message[2]);
    else question?.reject(fromWireError(message[2]));
    return true;
  }

  /** Its memory is free again also when it cannot be sent. */
  #send(id: number, raw: RawBytes): void {
    try {
      this.#parts.sendBytes(id, raw);
    } catch (error) {
      raw.sent();
      throw error;
    }
  }

  #answer([, id, method, parameters]: Request): void {
    try {
      if (method !== 'graph.bytes' || this.#work === null) throw new MillraceError('ERR_NOT_FOUND', 'this client holds nothing of that');
      this.#send(id, this.#work.paths.answer(parameters));
    } catch (error) {
      this.#parts.send(['!', id, toWireError(error)]);
    }
  }
}
