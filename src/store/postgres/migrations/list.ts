/**
 * The shapes of the schema, in order. Append only: a migration that was released is never edited. Whoever opens a schema applies what it
 * lacks, in one transaction; a schema with a breaking migration that this program does not know is refused.
 */
import { tasks } from './001-tasks.ts';
import { servers } from './002-servers.ts';
import { names } from './003-names.ts';
import { sessions } from './004-sessions.ts';
import { order } from './005-order.ts';
import type { Migration } from './migration.ts';

export const migrations: readonly Migration[] = [tasks, servers, names, sessions, order];
