/** Temporary folders of tests: each is gone after the test that asked for it, whatever became of the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** What the names of all temporary folders of this process begin with. */
export const temporaryPrefix: string = `millrace-test-${process.pid}-`;

/** A fresh folder, removed when the running test has finished. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), temporaryPrefix));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
