/** A host that is killed at the worst moment: its command has a process, and the watcher has not been told of it. */
import { writeFileSync } from 'node:fs';
import { systemClock } from '../../../../dist/base/clock.js';
import { SpawnLane } from '../../../../dist/client/executors/shell/spawn-lane.js';

const [folder, command] = process.argv.slice(2);
const watcher = {
  add(group) {
    writeFileSync(`${folder}/group`, `${group}\n`);
    process.kill(process.pid, 'SIGKILL');
  },
  remove() {},
};
const lane = new SpawnLane(
  { shell: '/bin/sh', environment: { PATH: process.env.PATH ?? '/usr/bin:/bin' }, watcher, clock: systemClock },
  {
    ready() {
      lane.start({
        command,
        env: {},
        cwd: null,
        input: '/dev/null',
        output: `${folder}/output`,
        errors: `${folder}/errors`,
        script: `${folder}/script`,
        piped: false,
      });
    },
    ended() {},
    broken() {},
  },
);
