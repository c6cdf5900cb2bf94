/** Many clients that are there, hold what they are given and do nothing: connections alone, no threads. */
import { newOwnedId } from '../../src/base/ids.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { dial } from '../../src/transport/dial.ts';

export async function joinCrowd(address: { host: string; port: number }, auth: string, count: number): Promise<Connection[]> {
  const crowd: Connection[] = [];
  for (let i = 1; i <= count; i += 1) {
    const { id, token } = newOwnedId();
    const client = { slots: 4 + (i % 13), cores: null, memory: null, resources: {}, tags: { rack: i % 40 } };
    const host = `node-${String(i).padStart(4, '0')}.cluster.example`;
    const connection = await dial(address, { auth, self: { role: 'client', id, token, host, pid: 1, client } });
    connection.start({ message() {}, closed() {} });
    connection.send(['resume', []]);
    crowd.push(connection);
  }
  return crowd;
}
