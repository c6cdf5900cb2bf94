/**
 * Events of a server that runs elsewhere, for those who are connected to it: the server makes only those that somebody listens to.
 */
import { EventEmitter } from 'eventemitter3';
import type { Logger } from '../base/log.ts';
import { HostEvents, type ServerEvents } from '../control/events.ts';

/** What a connection can listen to: all events of the server's handle but those of the handle itself. */
export type ConnectionEvents = Omit<ServerEvents, 'ready' | 'error' | 'done'>;

export class RemoteEvents {
  readonly #emitter: EventEmitter<ConnectionEvents> = new EventEmitter();
  readonly #events: HostEvents;
  readonly #logger: Logger;
  #listen: (names: readonly string[]) => void = () => {};

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#events = new HostEvents({
      emit: (name, value) => this.#emit(name, value),
      onResult: null,
      read: () => {},
      failed: () => {},
      over: () => {},
    });
  }

  /** The connection stands. */
  open(salt: string, listen: (names: readonly string[]) => void): void {
    this.#events.open(salt);
    this.#listen = listen;
  }

  receive(name: string, value: unknown): void {
    this.#events.receive(name, value);
  }

  add<Name extends keyof ConnectionEvents>(name: Name, listener: ConnectionEvents[Name], once: boolean): void {
    const given = listener as EventEmitter.EventListener<ConnectionEvents, Name>;
    if (once) this.#emitter.once(name, given);
    else this.#emitter.on(name, given);
    this.#changed();
  }

  remove<Name extends keyof ConnectionEvents>(name: Name, listener: ConnectionEvents[Name] | undefined): void {
    this.#emitter.off(name, listener as EventEmitter.EventListener<ConnectionEvents, Name> | undefined);
    this.#changed();
  }

  #emit(name: string, value: unknown): void {
    const emit = this.#emitter.emit as unknown as (this: EventEmitter, name: string, value: unknown) => boolean;
    const listened = this.#emitter.eventNames().length;
    try {
      emit.call(this.#emitter as unknown as EventEmitter, name, value);
    } catch (error) {
      this.#logger.error({ error, event: name }, 'a listener threw');
    }
    // Those that listened once are gone.
    if (this.#emitter.eventNames().length !== listened) this.#changed();
  }

  #changed(): void {
    this.#listen(this.#emitter.eventNames().map(String));
  }
}
