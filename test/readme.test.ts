/**
 * The README says nothing that was not run. Every file that it shows is written as a stranger would save it, in a project that has the package
 * installed; those that are followed by an output are run, and must print it.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { errorCodes } from '../src/base/errors.ts';
import { freePort } from './support/free-port.mjs';
import { expectNoLeaks } from './support/leaks.ts';
import { startPostgres } from './support/postgres-server.mjs';
import { temporaryFolder } from './support/temporary.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
/** Pages of doors that the README leads to. */
const pages = ['src/http/README.md', 'src/remote/README.md', 'src/session/README.md', 'src/store/postgres/README.md'];

interface Program {
  readonly name: string;
  readonly text: string;
  /** What it prints; null: it is a module of another one. */
  readonly output: string | null;
  readonly anyOrder: boolean;
}

interface Section {
  readonly title: string;
  readonly programs: Program[];
}

/** The programs of a page by the heading under which they stand. */
function sections(page: string = readme): Section[] {
  const found: Section[] = [];
  const pattern = /^#{1,3} (?<title>.+)$|^```(?<info>.*)\n(?<body>[\s\S]*?)^```$/gm;
  let open: { name: string; text: string } | null = null;
  const close = (output: string | null, anyOrder: boolean): void => {
    if (open !== null) found.at(-1)?.programs.push({ ...open, output, anyOrder });
    open = null;
  };
  for (const { groups } of page.matchAll(pattern)) {
    const { title, info, body = '' } = groups as Record<string, string | undefined>;
    if (title !== undefined) {
      close(null, false);
      found.push({ title, programs: [] });
    } else if (info?.startsWith('text')) {
      close(body, info === 'text any order');
    } else if (info === 'js' || info === 'ts') {
      close(null, false);
      const name = /^\/\/ ([\w-]+\.(?:mjs|ts))\n/.exec(body)?.[1];
      if (name === undefined) throw new Error(`a program of the README does not begin with its name: ${body.slice(0, 80)}`);
      open = { name, text: body };
    }
  }
  close(null, false);
  return found.filter(({ programs }) => programs.length > 0);
}

/** A project that has the package and the types of Node installed. */
function project(programs: readonly Program[]): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules', 'millrace'), 'dir');
  symlinkSync(join(root, 'node_modules', '@types', 'node'), join(folder, 'node_modules', '@types', 'node'), 'dir');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const { name, text } of programs) writeFileSync(join(folder, name), text);
  return folder;
}

async function run(folder: string, words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(process.execPath, words, {
    cwd: folder,
    env: { ...process.env, TMPDIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text;
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  expect({ words, status, stderr: texts.stderr, ...(status === 0 ? {} : { stdout: texts.stdout }) }).toEqual({
    words,
    status: 0,
    stderr: '',
  });
  return texts.stdout;
}

/** The cells of the table under a heading, without its head. */
function table(title: string): string[][] {
  const from = readme.indexOf(`\n## ${title}\n`);
  expect(from, title).toBeGreaterThan(0);
  const [part = ''] = readme.slice(from + 1).split('\n## ', 1);
  const rows = part.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) => row.split(' | ').map((cell) => cell.replaceAll(/^\|?\s*|\s*\|?$/g, '')));
}

const lines = (text: string, anyOrder: boolean): string[] => {
  const all = text.trimEnd().split('\n');
  return anyOrder ? all.sort() : all;
};

const all = [...sections(), ...pages.flatMap((path) => sections(readFileSync(join(root, path), 'utf8')))];

describe('a program of the README', () => {
  it.each(all)('under “$title” prints what is said there', async ({ programs }) => {
    const folder = project(programs);
    if (programs.some(({ name }) => name.endsWith('.ts'))) {
      const files = programs.map(({ name }) => name).filter((name) => name.endsWith('.ts'));
      const options = '--module nodenext --target es2023 --lib es2023,esnext.disposable --types node --strict --skipLibCheck'.split(' ');
      await run(folder, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), ...options, ...files]);
    }
    const env: Record<string, string> = { PORT: String(await freePort()) };
    if (programs.some(({ text }) => text.includes('process.env.QUEUE'))) {
      const postgres = await startPostgres();
      onTestFinished(() => postgres.stop());
      env.QUEUE = postgres.url();
    }
    // Together: one may be the server of another.
    await Promise.all(
      programs.map(async ({ name, output, anyOrder }) => {
        if (output === null) return;
        const printed = await run(folder, [name.replace(/\.ts$/, '.js')], env);
        expect(lines(printed, anyOrder), name).toEqual(lines(output, anyOrder));
      }),
    );
  });

  it('comes first within 25 lines', () => {
    const [first] = sections();
    expect(first?.title).toBe('First program');
    expect(first?.programs[0]?.text.trimEnd().split('\n').length).toBeLessThanOrEqual(25);
  });

  it('that is a module only belongs to another one', () => {
    for (const { programs } of all)
      for (const { name, output } of programs)
        if (output === null)
          expect(
            programs.some((other) => other.text.includes(`./${name.replace(/\.ts$/, '.js')}`)),
            name,
          ).toBe(true);
  });
});

describe('the README', () => {
  it('leads to the page of each door', () => {
    for (const path of pages) expect(readme).toContain(`](${path})`);
  });

  it('lists every error code with its meaning, and no other', () => {
    const listed = table('Errors').map(([code, meaning]) => [code?.replaceAll('`', ''), meaning]);
    expect(Object.fromEntries(listed)).toEqual(errorCodes);
    expect(listed.length).toBe(Object.keys(errorCodes).length);
  });

  it('names a test that exists for every promise', () => {
    const promises = table('What is promised');
    expect(promises.length).toBeGreaterThan(15);
    for (const [promise, cell = ''] of promises) {
      for (const link of cell.split(' · ')) {
        const [, title, path = ''] = /^\[(.+)\]\((test\/[\w./-]+\.ts)\)$/.exec(link) ?? [];
        expect(existsSync(join(root, path)), promise).toBe(true);
        expect(readFileSync(join(root, path), 'utf8'), promise).toContain(`'${title}'`);
      }
    }
  });

  it('has a map with every folder of the source, and no other', () => {
    const named = table('Map of the source').flatMap(([cell = '']) => cell.replaceAll('`', '').split(', '));
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(named.sort()).toEqual(folders.map(({ name }) => name).sort());
  });

  it('gives the reason of every dependency, and of no other', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;
    const named = table('Dependencies').map(([cell = '']) => /^`(.+?)`/.exec(cell)?.[1]);
    expect(named.sort()).toEqual(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).sort());
  });

  it('names only commands that package.json has', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name);
    expect(named.filter((name) => manifest.scripts[name as string] === undefined)).toEqual([]);
  });

  it('has 300 to 500 lines', () => {
    const { length } = readme.trimEnd().split('\n');
    expect(length).toBeGreaterThanOrEqual(300);
    expect(length).toBeLessThanOrEqual(500);
  });
});
