/** The program's way to a server: sessions are opened here. */

import type { Addresses } from '../base/address.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { parseConnectOptions } from '../config/connect.ts';
import type { ConnectOptions } from '../config/connect-options.ts';
import type { GraphJoined, GraphRequests, NodeId, SessionId } from '../protocol/graph-messages.ts';
import type { GraphProgress } from '../protocol/graph-views.ts';
import { decodeValue } from '../task/value.ts';
import { setDefault } from './active.ts';
import { Conversation } from './conversation.ts';
import { RainException, SessionException } from './exceptions.ts';
import { ID } from './id.ts';
import { type Item, recordsOf } from './items.ts';
import { checkOptions, patienceOf, type WaitOptions } from './options.ts';
import type { Home, NodeRecord } from './records.ts';
import { refusal } from './refusal.ts';
import { readNodes } from './restoring.ts';
import { Session, type SessionWatchers } from './session.ts';
import { type OnFailure, SessionHome } from './session-home.ts';

/** `timeout` and `signal` bound the opening: no session is there then, or it is let go of as soon as it is. */
export interface SessionOptions extends WaitOptions {
  /** Make it the session that is active where no other is. Default false. */
  readonly default?: boolean;
  /** What a failed task ends: `'fail'`: the session (default); `'continue'`: the tasks that need it. */
  readonly onFailure?: OnFailure;
  /**
   * It goes on without this program, under its name, until it is closed: on a server with a database also after a restart of that. A session of this name
   * that is there already is taken up, from whatever program has it. Default false.
   */
  readonly persistent?: boolean;
}

/** A persistent session, as a server knows it. */
export interface PersistentSession {
  readonly name: string;
  readonly sessionId: number;
  readonly state: 'open' | 'failed';
  /** A program has it. */
  readonly attached: boolean;
  /** Epoch ms, by the server's clock. */
  readonly openedAt: number;
  readonly progress: GraphProgress;
}

/** What a server says of one of its clients. */
export interface GovernorInfo {
  readonly id: string;
  readonly host: string;
  readonly slots: number;
  /** null: not limited. */
  readonly cpus: number | null;
  readonly memory: number | null;
  readonly resources: Readonly<Record<string, number>>;
  /** What runs there, and what lies there. */
  readonly tasks: readonly ID[];
  readonly objects: readonly ID[];
}

export interface ServerInfo {
  readonly clients: readonly GovernorInfo[];
}

/** Those of `connect()`; there is nothing to log, and each call has a signal of its own. */
type ClientOptions = Omit<ConnectOptions, 'signal' | 'logger'>;

const unnamed = 'Unnamed Session';
const sessionNames: readonly (keyof SessionOptions)[] = ['default', 'onFailure', 'persistent', 'timeout', 'signal'];

/**
 * Connects when it is first needed. When its connection ends, or `close()` is called, its sessions end on the server; one that is lost may come back within
 * five seconds. (Source: Rain, `client.Client`.)
 */
export class Client {
  readonly #conversation: Conversation;
  readonly #clock: Clock = systemClock;
  /** Of its sessions. */
  readonly #homes = new WeakSet<Home>();

  /** @throws ERR_ADDRESS, ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_AUTH_WEAK, ERR_DURATION */
  constructor(host: string, port: number, options?: ClientOptions);
  /** By the address of a server, as `server.address` has it, a unix socket too; or by those of several servers of one queue. */
  constructor(address: Addresses, options?: ClientOptions);
  constructor(host: string | Addresses, port?: number | ClientOptions, options?: ClientOptions) {
    const isAddress = port === undefined || typeof port === 'object';
    const { config } = isAddress
      ? parseConnectOptions(host as Addresses, port ?? options)
      : parseConnectOptions([host as string, port], options);
    this.#conversation = new Conversation(config, this.#clock);
  }

  /** @throws RainException, ERR_CONNECT_TIMEOUT, ERR_AUTH and its kin, ERR_OPTION, ERR_UNKNOWN_OPTION, ERR_DURATION, ERR_TIMEOUT, ERR_ABORTED */
  async newSession(name: string = unnamed, options: SessionOptions = {}): Promise<Session> {
    const {
      default: isDefault = false,
      onFailure = 'fail',
      persistent = false,
      ...bounds
    } = checkOptions(options, sessionNames, 'newSession()');
    const conversation = this.#conversation;
    const patience = conversation.together(patienceOf(bounds, 'newSession()'));
    if (typeof name !== 'string' || name.length > 1_000)
      throw new RainException('the name of a session is a text of at most 1,000 characters');
    if (typeof isDefault !== 'boolean') throw new RainException('`default` of newSession() is true or false');
    if (onFailure !== 'fail' && onFailure !== 'continue') throw new RainException("`onFailure` of newSession() is 'fail' or 'continue'");
    if (typeof persistent !== 'boolean') throw new RainException('`persistent` of newSession() is true or false');
    if (persistent && (name === '' || name === unnamed))
      throw new RainException('a persistent session needs a name, by which it is found again');
    await conversation.ready(patience);
    const opening = this.#open(name, onFailure, persistent);
    try {
      const [session, home] = await conversation.within(patience, 'the session was not open', opening);
      if (isDefault) setDefault(home);
      return session;
    } catch (error) {
      // Given up: nobody has it. One that others left something in goes on.
      opening.then(([session]) => (session.resumed ? session.detach() : session.close())).catch(() => {});
      throw error;
    }
  }

  async #open(name: string, onFailure: OnFailure, persistent: boolean): Promise<[Session, SessionHome]> {
    const opened = await this.#ask(name, onFailure, persistent);
    const { session: id, token } = opened;
    const home = new SessionHome(id, this.#conversation, onFailure, persistent);
    this.#homes.add(home);
    const watchers: SessionWatchers = { progress: new Set(), said: new Set() };
    this.#conversation.join(id, {
      persistent,
      event: (event, value) => {
        if (event === 'graph.failed' && 'failure' in value) home.failed(value.failure);
        else if (event === 'graph.taken') this.#taken(id, home);
        else if ('progress' in value) tell(watchers.progress, value.progress);
        else if ('words' in value) for (const [task, word] of value.words) tell(watchers.said, task, decodeValue(word));
      },
      attach: async (ask) => {
        await ask('graph.attach', { session: id, token });
      },
      lost: (error) => home.lost(error),
      end: () => (persistent ? home.detach({}) : home.close({})),
    });
    const { resumed, next, failure } = opened;
    try {
      if (resumed) home.resume(await readNodes(home), next);
    } catch (error) {
      await home.detach({});
      throw error;
    }
    if (failure !== null) home.failed(failure);
    return [new Session(home, name, watchers, resumed), home];
  }

  /** The persistent sessions of the server, whoever has them. */
  async persistentSessions(options: WaitOptions = {}): Promise<PersistentSession[]> {
    const list = await this.#conversation.ask('graph.sessions', {}, patienceOf(options, 'persistentSessions()'));
    return list.map(({ session, ...rest }) => ({ ...rest, sessionId: session }));
  }

  /** Closes the persistent session of this name, whoever has it; false: there is none. */
  async closePersistent(name: string, options: WaitOptions = {}): Promise<boolean> {
    if (typeof name !== 'string') throw new RainException('closePersistent() takes the name of a session');
    return await this.#conversation.ask('graph.end', { name }, patienceOf(options, 'closePersistent()'));
  }

  /** Who works for the server, and what is where. */
  async getServerInfo(options: WaitOptions = {}): Promise<ServerInfo> {
    const info: GraphRequests['graph.info'][1] = await this.#conversation.ask('graph.info', {}, patienceOf(options, 'getServerInfo()'));
    const clients = info.clients.map(({ id, host, slots, cores, memory, resources, tasks, objects }) => ({
      id,
      host,
      slots,
      cpus: cores,
      memory,
      resources,
      tasks: tasks.flatMap(idsOf),
      objects: objects.flatMap(idsOf),
    }));
    return { clients };
  }

  /** As `session.update()`, for tasks and objects of several sessions of this client. @throws RainException for what is not submitted or not of these */
  async update(items: Iterable<Item>, options: WaitOptions = {}): Promise<void> {
    // Wrong options are told also where there is nothing to ask.
    patienceOf(options, 'update()');
    const bySession = new Map<Home, NodeRecord[]>();
    for (const node of recordsOf(items, 'update()')) {
      if (!this.#homes.has(node.home)) throw new RainException("a task or object of another client's session: ask that one");
      const own = bySession.get(node.home);
      if (own === undefined) bySession.set(node.home, [node]);
      else own.push(node);
    }
    await Promise.all([...bySession].map(([home, nodes]) => home.update(nodes, options)));
  }

  /**
   * Ends its sessions, but lets go of the persistent ones, and the connection. When `timeout` or `signal` end the waiting for the server's word, the connection is
   * cut: the server ends the sessions five seconds later.
   * @throws ERR_TIMEOUT, ERR_ABORTED
   */
  async close(options: WaitOptions = {}): Promise<void> {
    const patience = patienceOf(options, 'close()');
    try {
      await this.#conversation.within(patience, 'the server had not ended the sessions', this.#conversation.close());
    } catch (error) {
      this.#conversation.cut();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #ask(name: string, onFailure: OnFailure, persistent: boolean): Promise<GraphJoined> {
    if (!persistent)
      return { ...(await this.#conversation.ask('graph.open', { name, onFailure })), next: 0, resumed: false, failure: null };
    try {
      return await this.#conversation.ask('graph.join', { name, onFailure });
    } catch (error) {
      throw refusal(error);
    }
  }

  #taken(id: number, home: SessionHome): void {
    this.#conversation.leave(id);
    home.lost(new SessionException('another program has taken this session up by its name, or closed it'));
  }
}

function idsOf([session, ...nodes]: readonly [SessionId, ...NodeId[]]): ID[] {
  return nodes.map((node) => new ID(session, node));
}

/** One that throws is its author's mistake, told as a rejection that nobody handles; the others are told all the same, and the connection goes on. */
function tell<V extends unknown[]>(listeners: Iterable<(...values: V) => void>, ...values: V): void {
  for (const listener of listeners) {
    try {
      listener(...values);
    } catch (error) {
      void Promise.reject(error);
    }
  }
}
