/**
 * What the address of a PostgreSQL database says: where it is, how to get there, and in which schema the tables are. It may hold a password, so nothing
 * but `place` of it is ever shown: not in messages, not in causes.
 */
import { readFileSync } from 'node:fs';
import { MillraceError, reasonOf } from '../../base/errors.ts';
import { didYouMean } from '../../base/nearest.ts';

/** What a library of PostgreSQL is given. */
export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  readonly ssl: false | TlsOptions;
}

interface TlsOptions {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly checkServerIdentity?: () => undefined;
}

export interface ConnectionFacts {
  readonly options: ConnectionOptions;
  /** As the database shows its sessions. */
  readonly name: string;
  /** As people are shown it: without user and password. */
  readonly place: string;
  /** The schema, as a name in SQL. */
  readonly schema: string;
}

const defaultSchema = 'millrace';

const parameters = ['schema', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'application_name'] as const;
const modes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
type Mode = (typeof modes)[number];

/**
 * `postgres://user:password@host:port/database?schema=millrace&sslmode=verify-full&sslrootcert=/path`. Without `sslmode` there is TLS with a verified
 * certificate, but for a database on loopback.
 * @throws ERR_OPTION
 */
export function parsePostgresAddress(text: string): ConnectionFacts {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // What the parser says quotes the address.
    throw wrong('it is no URL; write it as postgres://user:password@host:5432/database, with % escapes in the password');
  }
  for (const name of url.searchParams.keys()) {
    if (!(parameters as readonly string[]).includes(name))
      throw wrong(`it has no parameter '${name.slice(0, 50)}'.${didYouMean(name, parameters)} There are ${parameters.join(', ')}`);
  }
  const host = decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
  if (host === '') throw wrong('it names no host; write it as postgres://user:password@host:5432/database');
  const port = url.port === '' ? 5432 : Number(url.port);
  const database = decodeURIComponent(url.pathname.slice(1));
  if (database === '') throw wrong('it names no database; write it as postgres://user:password@host:5432/database');
  const user = decodeURIComponent(url.username);
  if (user === '') throw wrong('it names no user; write it as postgres://user:password@host:5432/database');
  const password = decodeURIComponent(url.password);
  const schema = url.searchParams.get('schema') ?? defaultSchema;
  if (!/^[a-z_][a-z0-9_]{0,47}$/.test(schema))
    throw wrong(
      `the schema ${JSON.stringify(schema.slice(0, 60))} must be of lower-case letters, digits and _, at most 48 of them, and begin with a letter`,
    );
  return {
    options: { host, port, user, ...(password === '' ? {} : { password }), database, ssl: tlsOf(url.searchParams, host) },
    name: url.searchParams.get('application_name') ?? 'millrace',
    place: `PostgreSQL ${host.includes(':') ? `[${host}]` : host}:${port}/${database} (schema ${schema})`,
    schema: `"${schema}"`,
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

function tlsOf(given: URLSearchParams, host: string): false | TlsOptions {
  const mode = given.get('sslmode') ?? (isLoopback(host) ? 'disable' : 'verify-full');
  if (!(modes as readonly string[]).includes(mode))
    throw wrong(
      `sslmode=${mode.slice(0, 20)} is not known.${didYouMean(mode, modes)} There are ${modes.join(', ')} (nothing that falls back to plain text)`,
    );
  const files = { ca: given.get('sslrootcert'), cert: given.get('sslcert'), key: given.get('sslkey') };
  if (mode === 'disable') return false;
  const read = Object.fromEntries(
    Object.entries(files).flatMap(([name, path]) => (path === null ? [] : [[name, contentOf(path)]])),
  ) as Pick<TlsOptions, 'ca' | 'cert' | 'key'>;
  const named = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  switch (mode as Mode) {
    case 'require':
      return { rejectUnauthorized: false, ...named, ...read };
    case 'verify-ca':
      return { rejectUnauthorized: true, checkServerIdentity: () => undefined, ...named, ...read };
    default:
      return { rejectUnauthorized: true, ...named, ...read };
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw wrong(`${path} cannot be read: ${reasonOf(error)}`);
  }
}

function wrong(what: string): MillraceError {
  return new MillraceError('ERR_OPTION', `database: the address of PostgreSQL is not right: ${what}`);
}
