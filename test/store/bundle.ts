/** The store as one JavaScript file, for child processes of tests: plain Node reads no TypeScript. */
import { join } from 'node:path';
import { build } from 'vite';

const root = join(import.meta.dirname, '..', '..');

/** Bundle `src/store/open.ts` (or another of its modules) into `folder` as `store.mjs`; returns the file. `libsql` is found from the project's own folder. */
export async function bundleStore(folder: string, module = 'open'): Promise<string> {
  const name = module === 'open' ? 'store.mjs' : `${module}.mjs`;
  await build({
    configFile: false,
    logLevel: 'silent',
    root,
    build: {
      outDir: folder,
      emptyOutDir: false,
      ssr: join(root, 'src', 'store', `${module}.ts`),
      target: 'node20',
      rollupOptions: { output: { entryFileNames: name } },
    },
  });
  return join(folder, name);
}
