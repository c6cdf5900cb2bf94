/**
 * The HTTP face of a server: what listens, and what is behind it.
 *
 * States: *bound* (the address is taken, requests are answered with 503) → *serving* (`serve`: there is a server) → *unlistened* (it has ended: no new connections; who
 * reads results reads on) → closed.
 */
import type { Clock } from '../../base/clock.ts';
import { MillraceError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { HttpServerConfig } from '../../config/http-server-options.ts';
import { pageOperations } from '../page/operations.ts';
import { Access } from './access.ts';
import { gatewayListener } from './app.ts';
import type { Backend } from './backend.ts';
import { EventStream } from './event-stream.ts';
import { type HttpListener, listenHttp, type RequestListener } from './listener.ts';
import { Metrics } from './metrics.ts';
import { nameOperations } from './names.ts';
import { openApiDocument } from './openapi.ts';
import { json, type Operation } from './operation.ts';
import { overviewOperations } from './overview.ts';
import type { Route } from './route.ts';
import { sessionOperations } from './sessions.ts';
import { taskOperations } from './tasks.ts';
import { Throughput } from './throughput.ts';

export interface GatewayParts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long requests have to be answered after the end; who reads results is waited for as long as he reads. */
const leaveTime = 2_000;

export class Gateway {
  readonly #config: HttpServerConfig;
  readonly #parts: GatewayParts;
  readonly #routes: readonly Route[];
  readonly #access: Access;
  #listener: HttpListener | null = null;
  #answer: RequestListener = unready;
  #events: EventStream | null = null;
  #throughput: Throughput | null = null;

  /** Errors: ERR_ADDRESS and its kin, ERR_AUTH_REQUIRED, ERR_TLS, ERR_MODULE_NOT_FOUND, ERR_EXPORT_NOT_FOUND, and what the module of routes throws. */
  static async open(config: HttpServerConfig, parts: GatewayParts): Promise<Gateway> {
    // Loaded by those who need it: requests to other servers, signatures.
    const routes = config.routes === null ? [] : await (await import('./routes.ts')).loadRoutes(config.routes);
    const gateway = new Gateway(config, parts, routes, await Access.open(config, parts.clock));
    gateway.#listener = await listenHttp(config, parts.clock, (incoming, outgoing) => gateway.#answer(incoming, outgoing));
    return gateway;
  }

  private constructor(config: HttpServerConfig, parts: GatewayParts, routes: readonly Route[], access: Access) {
    this.#config = config;
    this.#parts = parts;
    this.#routes = routes;
    this.#access = access;
  }

  get address(): { readonly host: string; readonly port: number } {
    if (this.#listener === null) throw new MillraceError('ERR_INTERNAL', 'the gateway does not listen');
    return this.#listener.address;
  }

  /** Answer for this server from now on. */
  serve(backend: Backend): void {
    const { clock } = this.#parts;
    const events = new EventStream(backend, clock);
    const throughput = new Throughput(
      clock,
      () => backend.progress(),
      (sample) => events.tell('throughput', sample),
    );
    const metrics = new Metrics(() => events.listeners);
    this.#events = events;
    this.#throughput = throughput;
    const operations: Operation[] = [
      ...taskOperations(backend, clock),
      ...sessionOperations(backend),
      ...nameOperations(backend),
      ...overviewOperations({ backend, events, metrics, throughput }),
    ];
    operations.push(alive);
    operations.push(documentOf(operations, this.#config.auth.length > 0));
    const [page, ...assets] = pageOperations;
    this.#answer = gatewayListener({
      config: this.#config,
      access: this.#access,
      operations: [...operations, ...assets],
      routes: this.#routes,
      page,
      clock,
      logger: this.#parts.logger,
      answered: (method, route, status, seconds) => metrics.answered(method, route, status, seconds),
    });
  }

  /** The server has ended: nobody new is answered. */
  unlisten(): void {
    this.#listener?.unlisten();
    this.#events?.close();
    this.#throughput?.close();
  }

  /** Resolves when all have been answered. `reading`: until when somebody may still read results; the others have two seconds. */
  async close(reading: Promise<void>): Promise<void> {
    this.unlisten();
    const answered = this.#listener?.close(false);
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#parts.clock.after(leaveTime, resolve);
    });
    await Promise.race([answered, Promise.all([reading, late])]);
    cancel();
    await this.#listener?.close(true);
  }
}

const alive: Operation = {
  id: 'getHealth',
  method: 'get',
  path: '/healthz',
  summary: 'Whether the server is alive',
  open: true,
  answer: { status: 200, type: 'application/json', description: 'It is', schema: { type: 'object' } },
  run: () => json({ alive: true }),
};

function documentOf(operations: readonly Operation[], secured: boolean): Operation {
  const operation: Operation = {
    id: 'getDocument',
    method: 'get',
    path: '/openapi.json',
    summary: 'This document',
    open: true,
    answer: { status: 200, type: 'application/json', description: 'OpenAPI 3.1', schema: { type: 'object' } },
    run: () => ({ status: 200, type: 'application/json', body: text }),
  };
  const text = JSON.stringify(openApiDocument([...operations, operation], secured));
  return operation;
}

function unready(_incoming: Parameters<RequestListener>[0], outgoing: Parameters<RequestListener>[1]): void {
  outgoing.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1', connection: 'close' });
  outgoing.end('{"error_text":"the server is not ready yet","error_class":"Refusal"}');
}
