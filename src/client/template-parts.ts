/**
 * Templates with `{% … %}`: their commands are run before the task's own, on the task's slot and time, with its environment.
 *
 * A slot is *free*, or *filling in* for one attempt: a command of its template runs, or the next one is about to. A signal goes to that
 * command, and nothing more is run for the attempt, whatever the command makes of it.
 */
import { resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { TemplateFields } from '../task/expression.ts';
import type { Template } from '../task/template.ts';
import type { TaskSignal } from './executor.ts';
import { directoryError } from './executors/shell/working-directory.ts';
import { PartCommand } from './executors/template/part-command.ts';

interface Filling {
  readonly key: number;
  command: PartCommand | null;
  stopped: TaskSignal | null;
}

export interface PartTask {
  readonly slot: number;
  readonly key: number;
  readonly line: string;
  readonly fields: TemplateFields;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
}

/** What filling in came to: the command; or the signal that stopped it. */
export type Filled = { readonly command: string } | { readonly stopped: TaskSignal };

export class TemplateParts {
  readonly #clock: Clock;
  readonly #slots: Map<number, Filling> = new Map();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Never more than one at a time on a slot. Rejects with ERR_TEMPLATE or ERR_CWD. */
  async fill(template: Template, { slot, key, line, fields, env, cwd }: PartTask): Promise<Filled> {
    const filling: Filling = { key, command: null, stopped: this.#closed ? 'SIGKILL' : null };
    this.#slots.set(slot, filling);
    try {
      const bad = cwd === null ? null : directoryError(resolve(cwd));
      if (bad !== null) throw bad;
      const command = await template.expandWith(line, fields, async (part, text) => {
        if (filling.stopped !== null) return '';
        filling.command = new PartCommand(
          part.command.replaceAll('@', () => text),
          { env, cwd, clock: this.#clock },
        );
        return filling.command.output;
      });
      return filling.stopped === null ? { command } : { stopped: filling.stopped };
    } catch (error) {
      if (filling.stopped !== null) return { stopped: filling.stopped };
      throw MillraceError.from(error, 'ERR_TEMPLATE');
    } finally {
      this.#slots.delete(slot);
    }
  }

  /** False: nothing is filled in on this slot (for this key), the signal is for what runs there. */
  signal(slot: number, signal: TaskSignal, key: number | null): boolean {
    const filling = this.#slots.get(slot);
    if (filling === undefined || (key !== null && filling.key !== key)) return false;
    filling.stopped ??= signal;
    filling.command?.signal(signal);
    return true;
  }

  /** Kills what runs; resolves when it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const last: Promise<unknown>[] = [];
    for (const filling of this.#slots.values()) {
      filling.stopped ??= 'SIGKILL';
      filling.command?.signal('SIGKILL');
      if (filling.command !== null) last.push(filling.command.output.catch(() => {}));
    }
    await Promise.all(last);
  }
}
