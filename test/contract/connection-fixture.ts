/** What the contract of connections needs from a carrier, and an ear at one end of a connection. */
import { expect } from 'vitest';
import type { MillraceError } from '../../src/base/errors.ts';
import type { Limits } from '../../src/protocol/limits.ts';
import type { Message } from '../../src/protocol/messages.ts';
import type { Connection } from '../../src/transport/connection.ts';

export interface ConnectionPair {
  /** The dialling side where there is one. */
  readonly left: Connection;
  readonly right: Connection;
}

export interface ConnectionFixture {
  pair(limits?: Partial<Limits>): Promise<ConnectionPair>;
  /** Frees everything that `pair` needed, open connections excepted. */
  close(): Promise<void>;
}

/** Keeps what one end was told. */
export class Listening {
  readonly messages: Message[] = [];
  readonly ends: (MillraceError | null)[] = [];
  drained = 0;

  constructor(connection: Connection, each?: (message: Message) => void) {
    connection.start({
      message: (message) => {
        expect(this.ends, 'a message came after closed').toEqual([]);
        this.messages.push(message);
        each?.(message);
      },
      closed: (error) => this.ends.push(error),
      drained: () => this.drained++,
    });
  }

  get values(): unknown[] {
    return this.messages.map((message) => message[2]);
  }
}

export const note = (value: unknown): Message => ['event', 'note', value];

export type OpenPair = (limits?: Partial<Limits>) => Promise<ConnectionPair>;
