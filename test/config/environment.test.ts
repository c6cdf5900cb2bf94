import { afterEach, expect, it, vi } from 'vitest';
import { clientEnvironment } from '../../src/config/environment.ts';

afterEach(() => vi.unstubAllEnvs());

it('commands get the environment of their client without the keys of this library', () => {
  for (const name of ['MILLRACE_AUTH', 'MILLRACE_AUTH_FILE', 'MILLRACE_KEY', 'MILLRACE_TLS_KEY']) vi.stubEnv(name, 'secret');
  vi.stubEnv('MILLRACE_SITE', 'north');
  vi.stubEnv('MY_MILLRACE_AUTH', 'mine');
  const environment = clientEnvironment();
  expect(environment).toMatchObject({ MILLRACE_SITE: 'north', MY_MILLRACE_AUTH: 'mine', PATH: process.env.PATH });
  expect(Object.values(environment)).not.toContain('secret');
});
