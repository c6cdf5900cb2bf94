/** What others see of a client. */
import type { CoreClient } from './core/entities.ts';

/** A client as others see it. */
export interface ClientFacts {
  id: string;
  host: string;
  connected: boolean;
  slots: number;
  running: number;
  leased: number;
  cores: number | null;
  memory: number | null;
  tags: Record<string, string | number | boolean | null>;
  /** ms since its last sign of life. */
  silentMs: number;
}

export function clientFacts(client: CoreClient, now: number): ClientFacts {
  const { id, host, phase, capacity, running, leased } = client;
  const { slots, cores, memory, tags } = capacity;
  return {
    id,
    host,
    connected: phase !== 'absent',
    slots,
    running,
    leased,
    cores,
    memory,
    tags,
    silentMs: Math.max(0, now - client.lastContact),
  };
}
