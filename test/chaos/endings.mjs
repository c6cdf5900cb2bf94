/** How the parts of a run ended, whether that is well, and the end of those that did not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { marked } from './parts.mjs';

/** Whether all clients are connected: a server ends by itself when all is done, and who is not back by then looks for it in vain. */
export async function allThere(world) {
  if (world.server.over) return true;
  const known = await world.asked((server) => server.clients());
  return known.filter(({ connected }) => connected).length >= world.clients.filter(({ over }) => !over).length;
}

/** What is wrong with how the parts ended is added to what is wrong with the world. */
export function judge(world, parts) {
  const summary = world.server.last('summary');
  world.summary = summary;
  if (summary === undefined) world.wrong.push(`the server did not end well: ${JSON.stringify(world.server.said.at(-1))}`);
  else {
    const { submitted, pending, succeeded, failed, cancelled, timedOut, lost, rejected } = summary;
    world.check(pending === 0, `the server ended with ${pending} tasks pending`);
    world.check(
      submitted === succeeded + failed + cancelled + timedOut + lost + rejected,
      `the summary does not add up: ${JSON.stringify(summary)}`,
    );
  }
  for (const client of world.clients) {
    if (client.killedBy !== null) continue;
    world.check(client.last('summary') !== undefined, `a client did not end well: ${JSON.stringify(client.said.at(-1))}`);
  }
  for (const part of parts) {
    if (part.killedBy === null && part.child.exitCode !== 0) {
      world.wrong.push(`a ${part.kind} part ended with ${part.child.signalCode ?? part.child.exitCode}`);
    }
  }
}

/** Kills whatever is left of these parts, and of what they have started. */
export async function endAll(parts, mark) {
  for (const part of parts) {
    if (part.over) continue;
    part.signal('SIGCONT');
    await part.kill();
  }
  if (process.platform !== 'linux') return;
  for (const { pid } of marked(mark)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** The last words of the parts' own records. */
export function records(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .map((name) => `${name}:\n${readFileSync(join(folder, name), 'utf8').split('\n').slice(-12).join('\n')}`)
    .join('\n');
}
