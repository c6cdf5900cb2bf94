/** Python's side of the tests with Pyro4: started when a test asks for it, gone when that test has finished. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The Python of the system: the packages of Debian are for it. */
const python = '/usr/bin/python3';

/** Fails with what to install. */
export function checkPyro(): void {
  try {
    execFileSync(python, ['-c', 'import Pyro4'], { stdio: 'pipe' });
  } catch (cause) {
    throw new Error('Pyro4 is missing; install it: apt-get install -y pyro4 python3-pyro4', { cause });
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string>;
}

function start(script: string, options: object): Started {
  const path = fileURLToPath(new URL(`fixtures/${script}`, import.meta.url));
  const child = spawn(python, ['-B', path, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => ended(child));
  return { child, lines: createInterface({ input: child.stdout! })[Symbol.asyncIterator]() };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

export interface PyroServerOptions {
  readonly port?: number;
  readonly path?: string;
  readonly key?: string;
  readonly password?: string;
  readonly multiplex?: boolean;
  readonly compress?: boolean;
  /** Path of the certificate of TLS, with `privateKey`. */
  readonly cert?: string;
  readonly privateKey?: string;
  /** With a name server. */
  readonly names?: boolean;
}

export interface PyroServer {
  readonly music: string;
  readonly counter: string;
  readonly names: `PYRO:${string}`;
  kill(): Promise<void>;
}

/** A daemon of Pyro4 with its objects. */
export async function pyroServer(options: PyroServerOptions = {}): Promise<PyroServer> {
  const { child, lines } = start('pyro_server.py', options);
  const { value } = await lines.next();
  return { ...(JSON.parse(value as string) as PyroServer), kill: () => ended(child) };
}

export interface PythonFailure {
  readonly class: string;
  readonly text: string;
  readonly trace: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface PyroClient {
  /** Runs lines of Python, and gives what they have made of `result`. */
  run(code: string): Promise<unknown>;
  /** The error with which they end. */
  failure(code: string): Promise<PythonFailure>;
}

export interface PyroClientOptions {
  readonly serializer?: string;
  readonly key?: string;
  readonly names?: string;
  /** Path of the authority that it trusts: with TLS. */
  readonly ca?: string;
  /** Path of the certificate that it shows, and that a daemon of its own has, with `privateKey`. */
  readonly cert?: string;
  readonly privateKey?: string;
}

/** A client of Pyro4 for the object of a URI. */
export function pyroClient(uri: string, options: PyroClientOptions = {}): PyroClient {
  const { child, lines } = start('pyro_client.py', { ...options, uri });
  let count = 0;
  let last: Promise<unknown> = Promise.resolve();
  const ask = (code: string): Promise<{ result?: unknown; error?: PythonFailure }> => {
    const name = String(count++);
    const answer = last.then(async () => {
      child.stdin!.write(`${JSON.stringify([name, code])}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error('the client of Pyro4 has ended');
      const [of, said] = JSON.parse(value as string) as [string, { result?: unknown; error?: PythonFailure }];
      if (of !== name) throw new Error(`an answer to ${of} instead of ${name}`);
      return said;
    });
    last = answer.catch(() => {});
    return answer;
  };
  return {
    async run(code) {
      const { result, error } = await ask(code);
      if (error !== undefined) throw new Error(`${error.class}: ${error.text}\n${error.trace}`);
      return result;
    },
    async failure(code) {
      const { error, result } = await ask(code);
      if (error === undefined) throw new Error(`it gave ${JSON.stringify(result)}`);
      return error;
    },
  };
}
