/** Joins the core to what runs tasks: gives each to its kind (`commands.ts`, `calls.ts`), and signals to whichever has the slot. */
import type { Answer, Message, Refusal } from '../protocol/messages.ts';
import { TaskIds } from '../task/id.ts';
import { Calls } from './calls.ts';
import { Commands } from './commands.ts';
import type { OutputFiles, TaskSignal } from './executor.ts';
import type { KeyedTask, RunnerHandlers, RunnerOptions } from './runner-options.ts';

export class Runner {
  readonly #commands: Commands;
  readonly #calls: Calls;
  readonly #owners: (Commands | Calls | null)[];
  /** What was started last on each slot. */
  readonly #given: (readonly KeyedTask[])[];
  readonly #send: RunnerHandlers['send'];

  /** The shells stand when this resolves: they are started before anything large is loaded, since a fork costs what its host weighs. */
  static async open(options: RunnerOptions, handlers: RunnerHandlers): Promise<Runner> {
    const commands = await Commands.open(options, handlers);
    return new Runner(commands, new Calls(options, handlers), options.config.numTasks, handlers.send);
  }

  private constructor(commands: Commands, calls: Calls, slots: number, send: RunnerHandlers['send']) {
    this.#commands = commands;
    this.#calls = calls;
    this.#owners = new Array<Commands | Calls | null>(slots).fill(null);
    this.#given = Array.from({ length: slots }, () => []);
    this.#send = send;
  }

  /** The server's salt: public ids follow from it. */
  set salt(salt: string) {
    const ids = new TaskIds(salt);
    this.#commands.ids = ids;
    this.#calls.ids = ids;
  }

  /** Who the server is: commands are told. */
  set server(server: { readonly id: string; readonly host: string }) {
    this.#commands.server = server;
  }

  /** Tasks of one kind, one after the other. */
  start(slot: number, tasks: readonly KeyedTask[]): void {
    const first = tasks[0]?.[1];
    if (first === undefined) return;
    const owner = first.isFunction ? this.#calls : this.#commands;
    this.#owners[slot] = owner;
    this.#given[slot] = tasks;
    owner.start(slot, tasks);
  }

  /** The calls that wait there behind one that takes long come back. */
  relieve(slot: number): void {
    this.#calls.relieve(slot);
  }

  /** `key`: meant is this execution only, should another one of its batch run by now; null: whatever runs on the slot. */
  signal(slot: number, signal: TaskSignal, key: number | null): void {
    this.#owners[slot]?.signal(slot, signal, key);
  }

  /** The server answered what a function asked for. */
  answered(message: Answer | Refusal): void {
    this.#calls.answered(message);
  }

  /** The server asks what a task has written so far. False: the message is something else. */
  asked(message: Message): boolean {
    if (message[0] !== '?' || message[2] !== 'output') return false;
    void import('./running-output.ts').then(({ answerOutput }) => this.#send(answerOutput(message, (n) => this.#filesOf(n))));
    return true;
  }

  #filesOf(n: number): OutputFiles | null {
    for (const [slot, given] of this.#given.entries()) {
      const found = given.find(([, { granted }]) => granted[0] === n);
      if (found !== undefined && this.#owners[slot] === this.#commands) return this.#commands.files(slot, found[0]);
    }
    return null;
  }

  /** A new connection stands, and what is held was compared. */
  resumed(): void {
    this.#calls.resumed();
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands.close(), this.#calls.close()]);
  }
}
