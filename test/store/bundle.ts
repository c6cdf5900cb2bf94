/** The store as one JavaScript file, for child processes of tests: plain Node reads no TypeScript. */
import { join } from 'node:path';
import { build } from 'vite';

const root = join(import.meta.dirname, '..', '..');

/** Bundle `src/store/open.ts` into `folder`; returns the file. `libsql` is found from the project's own folder. */
export async function bundleStore(folder: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'silent',
    root,
    build: {
      outDir: folder,
      emptyOutDir: false,
      ssr: join(root, 'src', 'store', 'open.ts'),
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'store.mjs' } },
    },
  });
  return join(folder, 'store.mjs');
}
