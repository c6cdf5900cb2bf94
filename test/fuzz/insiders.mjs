/**
 * Those who hold the key and send messages of every shape with something wrong in them: as clients, submitters and lookers-on, over TCP
 * and TLS. Each may lose its connection; the server, and who else is connected, may lose nothing.
 */
import fc from 'fast-check';
import { newOwnedId } from '../../dist/base/ids.js';
import { connect, MillraceError, ServerThread } from '../../dist/index.js';
import { messageTags } from '../../dist/protocol/shape.js';
import { dial } from '../../dist/transport/dial.js';
import { mutated, samples } from './messages.mjs';

const auth = 'correct horse battery';
const roles = ['client', 'submitter', 'control'];
const client = { slots: 2, cores: 4, memory: null, resources: { gpu: 1 }, tags: {} };

const missing = messageTags.filter((tag) => !samples.some(([sample]) => sample === tag));
if (missing.length > 0) throw new Error(`no sample of the messages ${missing.join(', ')}`);

export class Insiders {
  sent = 0;
  cut = 0;
  /** Tags of messages that were mutated and sent. */
  tags = new Set();
  #servers = [];

  static async open() {
    const insiders = new Insiders();
    for (const tls of [false, true]) {
      const server = await ServerThread.new({
        address: 'localhost:0',
        auth,
        tls,
        foreverMode: true,
        evictAfter: 2,
        retain: { count: 100 },
      });
      const witness = await connect(server.address, { auth, tls });
      insiders.#servers.push({ server, witness, tls });
    }
    return insiders;
  }

  /** One of each role on each server, and `count` messages from each. */
  async round(seed, count) {
    await Promise.all(
      this.#servers.flatMap(({ server, tls }, i) =>
        roles.map((role, j) => this.#intrude(server, tls, role, fc.sample(mutated, { seed: seed + i * 3 + j, numRuns: count }))),
      ),
    );
    for (const { witness } of this.#servers) {
      await witness.progress();
      // What was submitted in good form is taken away again, or it would be mistaken for growth.
      await witness.tasks.delete({});
    }
  }

  async close() {
    for (const { server, witness } of this.#servers) {
      await witness.close();
      await server.stop();
    }
  }

  async #intrude(server, tls, role, messages) {
    const own = newOwnedId();
    const self = { role, id: own.id, host: 'elsewhere', pid: 1, ...(role === 'client' ? { token: own.token, client } : {}) };
    let connection = null;
    for (const message of messages) {
      if (connection === null || connection.over) {
        connection?.destroy();
        connection = await dial(server.address, { auth, tls, self });
        const { start } = connection;
        connection.over = false;
        start.call(connection, {
          message() {},
          closed: () => {
            connection.over = true;
          },
        });
        if (role === 'client') {
          connection.send(['resume', []]);
          connection.send(['want', 1, 10, 2]);
        }
      }
      try {
        connection.send(message);
        this.sent++;
        if (messageTags.includes(message[0])) this.tags.add(message[0]);
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        continue;
      }
      await new Promise((resolve) => setImmediate(resolve));
      if (connection.over) this.cut++;
    }
    connection?.destroy();
  }
}
