/**
 * What one side says of itself in the handshake, checked by hand before anyone reads it: types, bounds, and nothing that was not asked
 * for. A fresh object is built, so no key of the sender's choice goes further.
 */
import { MillraceError } from '../base/errors.ts';
import type { ClientCapacity, PeerInfo, Role } from './messages.ts';

const roles: readonly Role[] = ['client', 'submitter', 'control', 'caller', 'server'];
const mostEntries = 256;
const mostSlots = 65_536;
const keyPattern = /^[A-Za-z0-9_.+-]{1,120}$/;

function refuse(what: string): never {
  throw new MillraceError('ERR_PROTOCOL', `the other side described itself wrongly: ${what}`);
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(`${what} is no object`);
  return value as Record<string, unknown>;
}

function string(value: unknown, what: string, longest: number): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > longest) refuse(`${what} is no text of 1 to ${longest} characters`);
  return value;
}

function number(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) refuse(`${what} is no number of 0 or more`);
  return value;
}

function integer(value: unknown, what: string, largest: number): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > largest)
    refuse(`${what} is no whole number up to ${largest}`);
  return value as number;
}

function entries<T>(value: unknown, what: string, check: (value: unknown, what: string) => T): Record<string, T> {
  const list = Object.entries(object(value, what));
  if (list.length > mostEntries) refuse(`${what} has more than ${mostEntries} entries`);
  for (const [key] of list) if (!keyPattern.test(key) || key === '__proto__') refuse(`${what} has a malformed key`);
  return Object.fromEntries(list.map(([key, entry]) => [key, check(entry, `${what}.${key}`)]));
}

function tag(value: unknown, what: string): string | number | boolean | null {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'string' && value.length <= 4_096) return value;
  return refuse(`${what} is no text, number, boolean or null`);
}

function capacity(value: unknown): ClientCapacity {
  const { slots, cores, memory, resources, tags, walltime } = object(value, 'client');
  return {
    slots: integer(slots, 'client.slots', mostSlots),
    cores: cores === null ? null : number(cores, 'client.cores'),
    memory: memory === null ? null : number(memory, 'client.memory'),
    resources: entries(resources, 'client.resources', number),
    tags: entries(tags, 'client.tags', tag),
    ...(walltime === undefined ? {} : { walltime: number(walltime, 'client.walltime') }),
  };
}

/** The value as a `PeerInfo`, or `ERR_PROTOCOL`. */
export function checkPeerInfo(value: unknown): PeerInfo {
  const { role, id, host, pid, token, client } = object(value, 'the description');
  if (!roles.includes(role as Role)) refuse('the role is unknown');
  const info: PeerInfo = {
    role: role as Role,
    id: string(id, 'id', 64),
    host: string(host, 'host', 255),
    pid: integer(pid, 'pid', 2 ** 32 - 1),
    ...(token === undefined ? {} : { token: string(token, 'token', 128) }),
  };
  return client === undefined ? info : { ...info, client: capacity(client) };
}
