/** What every daemon of Pyro answers of itself, under the id `Pyro.Daemon`, in Pyro's names. */
import { formatAddress, type ParsedAddress } from '../../base/address.ts';
import { currentCall } from '../current-call.ts';
import { textOf } from './core/text.ts';
import type { StreamTable } from './stream-table.ts';

interface DaemonFacts {
  ids(): string[];
  /** @throws ERR_OBJECT */
  metadata(id: string): object;
  address(): ParsedAddress;
  readonly streams: StreamTable;
}

export class DaemonObject {
  readonly #facts: DaemonFacts;

  constructor(facts: DaemonFacts) {
    this.#facts = facts;
  }

  ping(): void {}

  registered(): string[] {
    return this.#facts.ids();
  }

  info(): string {
    const { address, ids } = this.#facts;
    return `Pyro.Daemon bound on ${formatAddress(address())}, ${ids().length} objects registered`;
  }

  get_metadata(id: unknown): object {
    return this.#facts.metadata(textOf(id));
  }

  get_next_stream_item(id: unknown): Promise<unknown> {
    return this.#facts.streams.next(id, currentCall().session);
  }

  close_stream(id: unknown): void {
    this.#facts.streams.close(id);
  }
}
