/** The types of `millrace/http`, checked by `npm run types` as those of the main door are. */
import { expectTypeOf, it } from 'vitest';
import type {
  Authenticator,
  Client,
  ClientPool,
  ErrorBody,
  HTTPError,
  HttpRequestOptions,
  PendingRequest,
  Request,
  Response,
  TokenIdentifier,
  Verdict,
} from '../../src/http/index.ts';
import type { MillraceError } from '../../src/index.ts';

/** Fails to compile unless the value fits. */
function takes<T>(_value: T): void {}

it('a client takes a host and an authenticator, and gives responses', () => {
  expectTypeOf<Client['request']>().returns.resolves.toEqualTypeOf<Response>();
  expectTypeOf<Client>().toExtend<AsyncDisposable>();
  expectTypeOf<Response['request']>().toEqualTypeOf<Request>();
  expectTypeOf<Response['body']>().toBeUnknown();
  const ask = (client: Client) => client.request<string[]>('GET', '/');
  expectTypeOf(ask).returns.resolves.toEqualTypeOf<Response<string[]>>();
  expectTypeOf<Response<string[]>['body']>().toEqualTypeOf<string[]>();
  expectTypeOf<TokenIdentifier>().toExtend<Authenticator>();
  takes<ConstructorParameters<typeof Client>>(['server', { login: 'root', key: 'toor' }]);
  takes<ConstructorParameters<typeof Client>>([{ host: 'server', port: 1 }, null, { timeout: '5s', bodyLimit: '1MB', tls: { ca: '' } }]);
  takes<ConstructorParameters<typeof Client>>(['server', ({ path, body }) => ({ 'x-path': path, 'x-size': String(body?.length) })]);
  takes<HttpRequestOptions>({ body: [1], query: { a: 1, b: undefined }, headers: { x: 1 }, retries: 2 });
  // @ts-expect-error an authenticator is named, be it null
  takes<ConstructorParameters<typeof Client>>(['server']);
  // @ts-expect-error there is no such option
  takes<HttpRequestOptions>({ header: {} });
});

it('a pool gives responses and errors, both with a status and a request', () => {
  expectTypeOf<ClientPool['request']>().returns.toEqualTypeOf<PendingRequest>();
  expectTypeOf<ClientPool['wait']>().returns.resolves.toEqualTypeOf<(Response | HTTPError)[]>();
  expectTypeOf<ReturnType<ClientPool['waitUnordered']>>().toExtend<AsyncIterable<Response | HTTPError>>();
  expectTypeOf<(Response | HTTPError)['status']>().toBeNumber();
  expectTypeOf<(Response | HTTPError)['request']>().toEqualTypeOf<Request>();
  expectTypeOf<PendingRequest['answer']>().returns.resolves.toEqualTypeOf<Response>();
  const ask = (pool: ClientPool) => pool.request<number>('server', 'GET', '/').answer();
  expectTypeOf(ask).returns.resolves.toEqualTypeOf<Response<number>>();
});

it('an error is one of the library, and says what came from elsewhere', () => {
  expectTypeOf<HTTPError>().toExtend<MillraceError>();
  expectTypeOf<HTTPError['remoteCall']>().toBeString();
  expectTypeOf<HTTPError['remoteError']>().toBeUnknown();
  expectTypeOf<ErrorBody['remote_call']>().toEqualTypeOf<string | undefined>();
  const who = (verdict: Verdict): string => (verdict.accepted ? verdict.login : `${verdict.status} ${verdict.text}`);
  expectTypeOf(who).returns.toBeString();
});
