/** What others see of a client. */
import type { ClientInfo } from '../control/control.ts';
import type { ClientRow } from '../store/store.ts';
import type { CoreClient } from './core/entities.ts';

export function clientFacts(client: CoreClient, now: number): ClientInfo {
  const { id, host, phase, capacity, running, leased, certificate } = client;
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
    certificate,
  };
}

/** The client with this id; of one that the core has forgotten, what the store knows of it. */
export function factsOf(id: string, clients: readonly CoreClient[], rows: Iterable<ClientRow>, now: number): ClientInfo {
  const client = clients.find((known) => known.id === id);
  if (client !== undefined) return clientFacts(client, now);
  const host = [...rows].find((known) => known.id === id)?.host ?? '';
  return {
    id,
    host,
    connected: false,
    slots: 0,
    running: 0,
    leased: 0,
    cores: null,
    memory: null,
    tags: {},
    silentMs: 0,
    certificate: null,
  };
}
