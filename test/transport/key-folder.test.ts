import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { keyIn, keyText, openKeyFolder, sweepKeys, writeSecret } from '../../src/transport/key-folder.ts';
import { listen } from '../../src/transport/listen.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** As a server left it that was killed: its number is another process's by now. */
const dead = (key: string): string => keyText(key).replace(/\d+\n$/, '1\n');

function keyFolder(): string {
  const folder = join(temporaryFolder(), 'keys');
  openKeyFolder(folder);
  return folder;
}

describe('the folder of keys', () => {
  it('holds a key that can be read back', () => {
    expect(keyIn(keyText('abc'))).toBe('abc');
  });

  it('is swept of the keys of servers that were killed, and of nothing else', () => {
    const folder = keyFolder();
    writeSecret(folder, 'tcp-127.0.0.1-1.key', dead('a'));
    writeSecret(folder, 'path-00.key', dead('b'));
    writeSecret(folder, 'tcp-127.0.0.1-2.key', keyText('c'));
    writeSecret(folder, 'tcp-127.0.0.1-3.key', 'without a mark');
    writeSecret(folder, 'certificate.pem', dead('d'));
    writeFileSync(join(folder, 'tcp-127.0.0.1-4.key'), dead('e'));
    chmodSync(join(folder, 'tcp-127.0.0.1-4.key'), 0o644);
    sweepKeys(folder);
    expect(readdirSync(folder).sort()).toEqual(['certificate.pem', 'tcp-127.0.0.1-2.key', 'tcp-127.0.0.1-3.key', 'tcp-127.0.0.1-4.key']);
    sweepKeys(join(folder, 'missing'));
  });

  it('is swept when a server leaves its own key there', async () => {
    const folder = keyFolder();
    writeSecret(folder, 'tcp-127.0.0.1-1.key', dead('a'));
    const listener = await listen({
      address: ['127.0.0.1', 0],
      self: { role: 'server', id: 'a', host: 'here', pid: process.pid },
      keyFolder: folder,
      onConnection: () => {},
    });
    onTestFinished(() => listener.close());
    const [name] = readdirSync(folder);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(keyIn(readFileSync(join(folder, name!), 'utf8'))).toBe(listener.key);
    await listener.close();
    expect(existsSync(join(folder, name!))).toBe(false);
  });
});
