/** The scripts of tests and benchmarks are not type-checked: what they take from the built package must be there by that name. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Wanted {
  readonly script: string;
  readonly module: string;
  readonly names: readonly string[];
}

/** `import { a, b as c } from '…/dist/…'` and `const { a, b: c } = await import('…/dist/…')`. */
const forms = [
  /import \{([^}]*)\} from '(\.[^']*\/dist\/[^']*)'/g,
  /(?:const|let) \{([^}]*)\} = await import\('(\.[^']*\/dist\/[^']*)'\)/g,
];

function wantedBy(script: string, text: string): Wanted[] {
  return forms.flatMap((form) =>
    [...text.matchAll(form)].map(([, list, module]) => ({
      script,
      module: resolve(root, dirname(script), module!),
      names: list!
        .split(',')
        .map((word) =>
          word
            .trim()
            .split(/ as |:/)[0]!
            .trim(),
        )
        .filter((word) => word !== ''),
    })),
  );
}

/** What is missing, as `script: name of module`. */
function missing(wanted: readonly Wanted[]): string[] {
  const modules = [...new Set(wanted.map(({ module }) => module))].filter((module) => existsSync(module));
  const script = `const found = {};
    for (const [module, address] of ${JSON.stringify(modules.map((module) => [module, pathToFileURL(module).href]))}) found[module] = Object.keys(await import(address));
    console.log(JSON.stringify(found));
    process.exit(0);`;
  const found = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })) as Record<
    string,
    string[]
  >;
  return wanted.flatMap((want) =>
    want.names.filter((name) => found[want.module]?.includes(name) !== true).map((name) => `${want.script}: ${name} of ${want.module}`),
  );
}

const scripts = ['test', 'benchmarks'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.mjs'))
    .map((file) => join(folder, file)),
);

it('take from the built package only what it has', () => {
  const wanted = scripts.flatMap((script) => wantedBy(script, readFileSync(join(root, script), 'utf8')));
  expect(wanted.length).toBeGreaterThan(30);
  expect(missing(wanted)).toEqual([]);
});

it('are found out when something has moved', () => {
  const text =
    "import { ServerThread, nothingOfTheKind as x } from '../dist/index.js';\nconst { gone } = await import('../dist/no-such.js');";
  const names = missing(wantedBy('test/sample.mjs', text)).map((line) => line.split(' ')[1]);
  expect(names).toEqual(['nothingOfTheKind', 'gone']);
});
