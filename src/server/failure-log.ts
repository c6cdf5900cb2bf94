/**
 * What `redirectFailures` gets: the command line of each task that did not succeed, once, after its end is committed, in the order of recording. To a
 * file, which is written in this thread, or to the host, which writes or calls. Nothing is made where nobody asked. A file that cannot take as much
 * as fails holds the run, as a host does that leaves lines unread; one that cannot be written ends it.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { ServerConfig } from '../config/server-options.ts';
import { RedirectFile } from '../output/redirect-file.ts';
import { failureCodes } from '../task/result.ts';
import type { Turn } from './core/events.ts';

export interface FailureLogHandlers {
  /** To the host. */
  tell(lines: readonly string[]): void;
  /** The file has too much unwritten; then: no more. */
  hold(wanted: boolean): void;
  /** The run cannot go on. */
  failed(error: MillraceError): void;
}

/** Characters that may wait for the file. */
const mostUnwritten = 4 * 2 ** 20;

export class FailureLog {
  readonly #file: RedirectFile | null;
  readonly #handlers: FailureLogHandlers;
  #unwritten = 0;
  #holding = false;

  /** Null: nobody asked. @throws ERR_REDIRECT */
  static async open(config: ServerConfig, clock: Clock, handlers: FailureLogHandlers): Promise<FailureLog | null> {
    const { failuresPath, failuresToHost } = config;
    if (failuresPath !== null) return new FailureLog(await RedirectFile.open(failuresPath, clock), handlers);
    return failuresToHost ? new FailureLog(null, handlers) : null;
  }

  private constructor(file: RedirectFile | null, handlers: FailureLogHandlers) {
    this.#file = file;
    this.#handlers = handlers;
  }

  /** After the commit of a turn. */
  add({ ended, writes }: Turn): void {
    const lines: string[] = [];
    for (let i = 0; i < ended.length; i++) {
      if (failureCodes.has(writes!.ends[i]!.outcome)) lines.push(ended[i]!.wire[1]);
    }
    if (lines.length === 0) return;
    if (this.#file === null) this.#handlers.tell(lines);
    else this.#write(this.#file, `${lines.join('\n')}\n`);
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  #write(file: RedirectFile, text: string): void {
    this.#unwritten += text.length;
    if (!this.#holding && this.#unwritten > mostUnwritten) this.#hold(true);
    file.write(text).then(
      () => {
        this.#unwritten -= text.length;
        if (this.#holding && this.#unwritten * 4 <= mostUnwritten) this.#hold(false);
      },
      (thrown: unknown) => this.#handlers.failed(MillraceError.from(thrown, 'ERR_REDIRECT')),
    );
  }

  #hold(wanted: boolean): void {
    this.#holding = wanted;
    this.#handlers.hold(wanted);
  }
}
