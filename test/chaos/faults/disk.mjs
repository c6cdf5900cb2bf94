/** A disk that fills up and is freed again, and one that fails for a while. */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needs, run } from '../machine.mjs';
import { steady } from './steady.mjs';

/** Commits fail while `failing` runs, the server says so, and after `mended` they succeed again; what was accepted before stays. */
async function stalls(world, failing, mended) {
  const before = world.server.said.length;
  const since = () => world.server.said.slice(before).filter((fact) => Object.hasOwn(fact, 'stalled'));
  await failing();
  await world.until(() => since().some(({ stalled }) => stalled !== null), 'the server to say that commits fail');
  world.tally('stalls');
  // What it had acknowledged before is told a little later; then nothing more is, until it says that commits succeed.
  const accepted = () => world.submitter.last('acknowledged');
  const quiet = async () => {
    const [before, reports] = [accepted(), world.submitter.said.length];
    await world.until(() => world.submitter.said.length >= reports + 4, 'reports of the submitter');
    return accepted() === before;
  };
  await world.until(quiet, 'the end of what is accepted: a server whose commits fail goes on accepting');
  await world.pause(100, 400);
  await mended();
  await world.until(() => since().at(-1)?.stalled === null, 'the server to say that commits succeed again');
  await world.goesOn('after the disk was mended');
}

export const disks = [
  {
    name: 'disk-full',
    about: 'a small disk fills up and is freed again: the server stops accepting, says so, and goes on',
    needs: needs.mounts,
    async run(world) {
      const folder = join(world.folder, 'disk');
      mkdirSync(folder);
      run('mount', '-t', 'tmpfs', '-o', 'size=12m', 'none', folder);
      world.later(() => run('umount', '-l', folder));
      world.database = join(folder, 'tasks.db');
      await world.begin({ server: steady });
      const ballast = join(folder, 'ballast');
      const fill = () => {
        for (let size = 4 * 2 ** 20; size >= 4096; size /= 2) {
          for (let part = 0; part < 4; part++) {
            try {
              writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
            } catch {
              // Full for pieces of this size.
            }
          }
        }
        const { bavail, bsize } = statfsSync(folder);
        world.check(bavail * bsize < 64 * 1024, 'the disk did not fill up');
      };
      await world.during(async () => {
        await world.pause(200, 800);
        // Its log of changes has room in itself after a checkpoint: it is full only once that is used up.
        const filling = setInterval(fill, 50);
        try {
          await stalls(
            world,
            () => fill(),
            () => {
              clearInterval(filling);
              rmSync(ballast, { force: true });
            },
          );
        } finally {
          clearInterval(filling);
        }
      });
      await world.finish();
    },
  },
  {
    name: 'disk-error',
    about: 'fsync and fdatasync fail with EIO for a while: nothing is said of what is not on the disk',
    needs: needs.tracing,
    async run(world) {
      await world.begin({ server: steady });
      let tracer;
      let ended;
      const trace = () => {
        const words = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO'];
        tracer = spawn('strace', [...words, '-p', String(world.server.pid)], { stdio: 'ignore' });
        // It also ends by itself when the server does.
        ended = new Promise((resolve) => tracer.once('close', resolve));
      };
      await world.during(async () => {
        await world.pause(200, 800);
        await stalls(world, trace, async () => {
          tracer.kill('SIGINT');
          await ended;
        });
        // Some kill the server in that state: what it had not written was said to nobody.
        if (!world.random.chance(0.4)) return;
        trace();
        await world.pause(100, 300);
        await world.server.kill();
        await ended;
        world.tally('server kills');
        await world.serve({ restartMode: false });
      });
      await world.finish();
    },
  },
];
