/** A server, its page in a real browser, and what the browser complained of. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, beforeAll, onTestFinished, vi } from 'vitest';
import { ClientThread, type ServerOptions, ServerThread } from '../../dist/index.js';
import { Client, type Session } from '../../dist/session/index.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const program = '/usr/bin/chromium';
export const auth = 'correct horse battery';
let browser: Browser;

/** To be called once by each file that opens pages. */
export function withBrowser(): void {
  beforeAll(async () => {
    if (!existsSync(program)) throw new Error('Chromium is missing; install it: apt-get install -y chromium');
    browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
  });
  afterAll(() => browser?.close());
}

export async function startServer(http: ServerOptions['http'] = {}, options: ServerOptions = {}): Promise<ServerThread> {
  const server = await ServerThread.new({
    address: 'localhost:0',
    auth,
    foreverMode: true,
    ...options,
    http: { address: 'localhost:0', ...http },
  });
  onTestFinished(() => server.stop({ timeout: 5 }));
  return server;
}

export async function startClient(server: ServerThread): Promise<void> {
  const client = await ClientThread.new({ address: server.address, auth, numTasks: 2, taskSignalwait: 0.2 });
  onTestFinished(() => client.stop({ timeout: 5 }));
}

export async function sessionOf(server: ServerThread, name: string): Promise<Session> {
  const { host, port } = server.address as { host: string; port: number };
  const user = new Client(host, port, { auth });
  onTestFinished(() => user.close());
  return user.newSession(name);
}

/** The page, and everything that the browser complained of. */
export async function open(server: ServerThread, hash = ''): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`http://localhost:${server.httpAddress.port}/${hash}`);
  return { page, complaints };
}

export const rows = (page: Page): Locator => page.locator('#list tbody tr');

/** Texts that are not told from their ground: contrast by WCAG, of each element with text of its own that is seen, against the first ground that is not transparent. */
export function poorContrasts(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const parts = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => { for (let at = element; at; at = at.parentElement) { const color = parts(getComputedStyle(at).backgroundColor); if (color.length < 4 || color[3] > 0) return color; } return [255, 255, 255]; };
    return [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility() && !element.disabled && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '')).flatMap((element) => {
      const [a, b] = [light(parts(getComputedStyle(element).color)), light(ground(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      return ratio < 4.5 ? [element.textContent + ' ' + ratio.toFixed(2)] : [];
    });
  })()`);
}
