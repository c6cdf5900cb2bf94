/** A whole server on a port and a file, in this thread, and those who hold its key and mean it ill: they may send any message. */
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { MillraceError } from '../../src/base/errors.ts';
import { newId, newOwnedId, type OwnedId } from '../../src/base/ids.ts';
import { silentLogger } from '../../src/base/log.ts';
import { parseServerOptions } from '../../src/config/server.ts';
import type { ServerOptions } from '../../src/config/server-options.ts';
import type { Message, PeerInfo, Role } from '../../src/protocol/messages.ts';
import { Server } from '../../src/server/server.ts';
import { outcomeCode } from '../../src/task/result.ts';
import type { Connection } from '../../src/transport/connection.ts';
import { dial } from '../../src/transport/dial.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const auth = 'correct horse battery';

export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const database = join(temporaryFolder(), 'tasks.db');
  const { config } = parseServerOptions({ address: '127.0.0.1:0', auth, foreverMode: true, database, ...options });
  const parts = { id: newId(), config, expectSource: false, listens: true, onlyClients: null, clock: systemClock, logger: silentLogger };
  const server = await Server.open(parts);
  onTestFinished(async () => {
    server.stop(false);
    await server.ended.catch(() => {});
  });
  return server;
}

export class Member {
  readonly messages: Message[] = [];
  readonly connection: Connection;
  /** Undefined: open; null: ended in good order. */
  ended: MillraceError | null | undefined = undefined;
  #last = 0;
  #sequence = 0;

  private constructor(connection: Connection) {
    this.connection = connection;
    connection.start({
      message: (message) => this.messages.push(message),
      closed: (error) => {
        this.ended = error;
      },
    });
  }

  static async join(server: Server, role: Role, who: Partial<PeerInfo> = {}): Promise<Member> {
    const { id, token }: OwnedId = newOwnedId();
    const client = { slots: 2, cores: null, memory: null, resources: {}, tags: {} };
    const own = role === 'client' ? { token, client } : {};
    const self: PeerInfo = { role, id, host: 'elsewhere', pid: 1, ...own, ...who };
    // An empty one: none.
    if (self.token === '') delete self.token;
    const connection = await dial(server.info.address!, { auth, self });
    onTestFinished(() => connection.destroy());
    const member = new Member(connection);
    await until(() => member.messages.length > 0 || member.ended !== undefined, 'the welcome');
    return member;
  }

  /** A client that is ready for work. */
  static async client(server: Server, want = 10, who: Partial<PeerInfo> = {}): Promise<Member> {
    const member = await Member.join(server, 'client', who);
    member.send(['resume', []]);
    await member.heard('resumed');
    if (want > 0) member.send(['want', 1, want, want]);
    return member;
  }

  send(...messages: readonly unknown[]): void {
    for (const message of messages) this.connection.send(message as Message);
  }

  async heard<Tag extends Message[0]>(tag: Tag, nth = 1): Promise<Extract<Message, readonly [Tag, ...unknown[]]>> {
    const all = await until(() => {
      const found = this.messages.filter((message) => message[0] === tag);
      return found.length >= nth ? found : null;
    }, `the message ${tag}`);
    return all![nth - 1] as Extract<Message, readonly [Tag, ...unknown[]]>;
  }

  async ask(method: string, parameters: unknown = null): Promise<unknown> {
    const id = ++this.#last;
    this.send(['?', id, method, parameters]);
    const answer = (await until(() => this.messages.find((message) => (message[0] === '=' || message[0] === '!') && message[1] === id)))!;
    if (answer[0] === '!') throw Object.assign(new Error(answer[2].message), { code: answer[2].code });
    return answer[2];
  }

  /** Submit as this submitter; resolves with the number of the first task. */
  async submit(submitter: string, sequence: number, ...tasks: readonly unknown[]): Promise<number> {
    this.send(['submit', submitter, sequence, tasks, false]);
    const receipt = await until(() =>
      this.messages.find((message) => message[0] === 'submitted' && message[1] === submitter && message[2] === sequence),
    );
    return (receipt as Extract<Message, readonly ['submitted', ...unknown[]]>)[3].first;
  }

  finish(grant: number, ...numbers: readonly number[]): void {
    const results = numbers.map((n) => [n, outcomeCode.succeeded, 0, 1_700_000_000_000, 1, 0, null]);
    this.send(['results', ++this.#sequence, [[grant, results]]]);
  }

  async gone(): Promise<MillraceError | null> {
    await until(() => this.ended !== undefined, 'the connection to be ended');
    return this.ended ?? null;
  }
}
