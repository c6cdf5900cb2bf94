/** A host to be killed: runs the commands of its arguments in slots of a spool folder and never ends by itself. */
import { createShellExecutor } from '../../../../dist/client/executors/shell/create.js';

const [spoolFolder, method, ...commands] = process.argv.slice(2);
const executor = await createShellExecutor(
  { slots: commands.length, environment: { PATH: process.env.PATH ?? '/usr/bin:/bin' }, spoolFolder, method },
  { ended: () => {}, failed: () => {} },
);
commands.forEach((command, slot) => {
  executor.start(slot, [{ key: slot, id: `host-${slot}`, attempt: 1, command, input: null, env: {}, cwd: null }]);
});
setInterval(() => {}, 1_000);
