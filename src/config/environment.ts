/**
 * The only reader of environment variables. An option comes from one only where its caller names it (`auth: { env }`); a client passes them on
 * to the commands it runs, without the variables that hold keys of this library.
 */
import { MillraceError } from '../base/errors.ts';

const secret = /^MILLRACE_(?:AUTH|KEY|TLS)/;

/** The environment of a client's commands: this process's, but for names that begin with `MILLRACE_AUTH`, `MILLRACE_KEY` or `MILLRACE_TLS`. */
export function clientEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined && !secret.test(name)) environment[name] = value;
  return environment;
}

/** The key in a variable that no command gets to see. @throws ERR_OPTION */
export function keyFromEnvironment(name: unknown): string {
  if (typeof name !== 'string' || !/^MILLRACE_AUTH\w*$/.test(name))
    throw new MillraceError(
      'ERR_OPTION',
      'auth.env must be the name of a variable that begins with MILLRACE_AUTH: commands do not get those to see',
    );
  const key = process.env[name];
  if (key === undefined || key === '') throw new MillraceError('ERR_OPTION', `auth.env names the variable ${name}, which is not set`);
  return key;
}
