/**
 * The shapes of the file, in order. Append only: a migration that was released is never edited. Whoever opens a file applies what it
 * lacks, in one transaction; a file with a breaking migration that this program does not know is refused.
 */
import { tasks } from './001-tasks.ts';
import { queueLanes } from './002-queue-lanes.ts';
import { names } from './003-names.ts';
import { sessions } from './004-sessions.ts';
import type { Migration } from './migration.ts';

export const migrations: readonly Migration[] = [tasks, queueLanes, names, sessions];
