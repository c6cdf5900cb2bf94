/** What the ends of test connections say of themselves. */
import type { PeerInfo } from '../../src/protocol/messages.ts';

export const serverInfo: PeerInfo = { role: 'server', id: '0190aaaa-0000-7000-8000-000000000001', host: 'here', pid: 1 };

export const clientInfo: PeerInfo = {
  role: 'client',
  id: '0190aaaa-0000-7000-8000-000000000002',
  host: 'there',
  pid: 2,
  client: { slots: 2, cores: null, memory: null, resources: {}, tags: { zone: 'a' } },
};
