/**
 * The only reader of environment variables. Options never come from them; a client passes them on to the commands it runs, without the
 * variables that hold keys of this library.
 */

const secret = /^MILLRACE_(?:AUTH|KEY|TLS)/;

/** The environment of a client's commands: this process's, but for names that begin with `MILLRACE_AUTH`, `MILLRACE_KEY` or `MILLRACE_TLS`. */
export function clientEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined && !secret.test(name)) environment[name] = value;
  return environment;
}
