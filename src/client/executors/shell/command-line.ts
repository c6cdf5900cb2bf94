/**
 * How a command becomes one line for the shell of a slot: pure text, no process.
 *
 * The slot runs `( body ) <input >output 2>errors;echo =$?`, its stdout being its stderr. The subshell is the command's: whatever it does to itself (syntax
 * error, `exit`, `exec`, closed streams, variables, directory) ends with it. The slot sets no variable of its own.
 * Builtins that can do nothing to themselves need no subshell, and so no process: 20 µs of a shell's time each instead of 217 to 253, which are a fork.
 */
import { MillraceError } from '../../../base/errors.ts';
import { longestArgument } from './options.ts';

/** What a command needs to be written as a line. */
export interface LineParts {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** Absolute, or null: the slot's own. */
  readonly cwd: string | null;
  readonly input: string;
  readonly output: string;
  readonly errors: string;
  /** A file that holds the command, when it is too long for an argument. */
  readonly script: string | null;
  /** Output goes into pipes: writing may take any time. */
  readonly piped: boolean;
}

/**
 * `inside`: builtins alone, in the slot itself, without a process: what they do ends with them and can be seen by nothing that comes after. `direct`: a
 * plain external command, as it is: being the last of its subshell it takes that one's place (dash, bash 5), and what is said of one that does not exist
 * begins as in a shell of its own (`exec` and `eval` put their names before it). `eval`: in the subshell itself. `own`: in a new `/bin/sh`, because the
 * command could tell a subshell from it.
 */
export type Method = 'inside' | 'direct' | 'eval' | 'own';

const builtins = new Set(
  (
    '. : [ [[ alias bg bind break builtin caller case cd chdir command compgen complete continue coproc declare dirs disown do done echo ' +
    'elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history if in jobs kill let local logout ' +
    'mapfile popd printf pushd pwd read readarray readonly return select set shift shopt source suspend test then time times trap true ' +
    'type typeset ulimit umask unalias unset until wait while'
  ).split(' '),
);

const plain = /^[\w./:@%+][\w./:=@%+, -]*$/;
// Own process number, last background process, flags; parent, line numbers; jobs, traps and whatever looks at the whole shell; `.`.
const tellsApart =
  /\$[$!-]|\$\{[$!_-]|\$_(?!\w)|\b(?:PPID|LINENO|OLDPWD|RANDOM|SECONDS|E?UID|SHELLOPTS|BASH\w*|trap|wait|kill|eval|set|source|jobs|fg|bg|times|alias|unalias|return|local|readonly|declare|typeset|shopt|suspend|disown)\b|(?:^|[\s;&|(){}!])\.(?=\s)/;

// Builtins that change nothing of their shell, read nothing and end at once, joined by `&&`, `||` and `;`; in their words nothing that a shell would expand.
const simple = /(?:true|false|:|echo|test|\[)(?:[ \t]+(?:(?:[\w./:@%+,=-]|'[^'\n]*'|"[^"$`\\!\n]*")+|\]|!=?))*/.source;
const builtinsAlone = new RegExp(`^[ \\t]*${simple}(?:[ \\t]*(?:&&|\\|\\||;)[ \\t]*${simple})*[ \\t]*$`);
// There a command could see which files its shell has open.
const looksAtShell = /(?:proc|dev)\//;
/** Longer ones gain nothing. */
const longestInside = 1_000;

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
// Names that a shell treats in its own way when it is told to export them, but not (or differently) when it finds them at its start.
const shellNames =
  /^(?:_|IFS|PS[0-9]|OPT(?:IND|ARG|ERR)|LINENO|P?PID|PWD|OLDPWD|E?UID|GROUPS|SHELLOPTS|POSIXLY_CORRECT|RANDOM|SECONDS|FUNCNAME|DIRSTACK|HIST\w*|MAIL\w*|ATTY|BASH\w*)$/;

export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** How this command must be run in a slot. */
export function methodOf(command: string): Method {
  if (plain.test(command)) {
    const space = command.indexOf(' ');
    const word = space < 0 ? command : command.slice(0, space);
    if (!word.includes('=') && !builtins.has(word)) return 'direct';
  }
  if (command.length <= longestInside && builtinsAlone.test(command) && !looksAtShell.test(command)) return 'inside';
  return tellsApart.test(command) ? 'own' : 'eval';
}

/** Whether the environment's additions can be made by the subshell itself. */
function exportable(env: Readonly<Record<string, string>>): boolean {
  for (const name in env) if (!identifier.test(name) || shellNames.test(name)) return false;
  return true;
}

/** Whether builtins would do the same without them: the words of the library's own variables are nothing to a shell, those of others (languages) may be. */
function unseen(env: Readonly<Record<string, string>>): boolean {
  for (const name in env) if (!name.startsWith('TASK_')) return false;
  return true;
}

/** Whether the command goes to a shell of its own and must be handed over as a file. */
export function needsScript(command: string, env: Readonly<Record<string, string>>): boolean {
  if (command.length * 3 < longestArgument || Buffer.byteLength(command) < longestArgument) return false;
  return methodOf(command) === 'own' || !exportable(env);
}

/** Why a command can never be run, or null. */
export function refusal(command: string, env: Readonly<Record<string, string>>): MillraceError | null {
  if (command.includes('\0')) return new MillraceError('ERR_TASK', 'a command cannot hold a NUL character: no shell can be given one');
  for (const name in env) {
    if (name === '' || name.includes('=') || name.includes('\0')) {
      return new MillraceError(
        'ERR_TASK',
        `${JSON.stringify(name)} cannot be the name of an environment variable: empty, or with = or NUL in it`,
      );
    }
    if (env[name]!.includes('\0')) {
      return new MillraceError('ERR_TASK', `the environment variable ${name} cannot hold a NUL character`);
    }
  }
  return null;
}

// A first - or + would be read as an option of eval or sh; a blank before it changes nothing else.
const guarded = (command: string): string => (/^[-+]/.test(command) ? ` ${command}` : command);

/**
 * The line to write to a slot's shell, its newline included.
 * `shell`: what runs commands that need their own. `oldDirectory`: the client's own `OLDPWD`, which `cd` would overwrite.
 */
export function slotLine(parts: LineParts, shell: string, oldDirectory: string | undefined): string {
  const own = exportable(parts.env) ? methodOf(parts.command) : 'environment';
  const streams = `<${quote(parts.input)} >${quote(parts.output)} 2>${quote(parts.errors)};echo =$?\n`;
  if (own === 'inside' && !parts.piped && parts.cwd === null && unseen(parts.env)) return `{ eval ${quote(parts.command)};} ${streams}`;
  let body = '';
  if (own !== 'environment') {
    for (const name in parts.env) body += ` ${name}=${quote(parts.env[name]!)}`;
    if (body !== '') body = `export${body};`;
  }
  if (parts.cwd !== null) {
    const old = oldDirectory === undefined ? 'unset OLDPWD' : `OLDPWD=${quote(oldDirectory)}`;
    body += `cd -P ${quote(parts.cwd)}&&${old}&&`;
  }
  const program = parts.script === null ? `${shell} -c ${quote(guarded(parts.command))}` : `${shell} ${quote(parts.script)}`;
  if (own === 'environment') {
    body += 'exec /usr/bin/env --';
    for (const name in parts.env) body += ` ${quote(`${name}=${parts.env[name]!}`)}`;
    body += ` ${program}`;
  } else if (own === 'own') body += `exec ${program}`;
  else if (own === 'direct') body += parts.command;
  else body += `eval ${quote(guarded(parts.command))}`;
  return `(${body}) ${streams}`;
}
