import parsePrometheusTextFormat from 'parse-prometheus-text-format';
import { expect, it } from 'vitest';
import { expectNoLeaks } from '../../support/leaks.ts';
import { until } from '../../support/until.ts';
import { startClientOf, startFace } from './rig.ts';

expectNoLeaks();

interface Family {
  name: string;
  type: string;
  help: string;
  metrics: { value?: string; labels?: Record<string, string>; count?: string }[];
}

it('metrics are read by a parser of their format, and say what progress says', async () => {
  const face = await startFace();
  await startClientOf(face, 3);
  await face.submit(['true', 'true', 'exit 1', 'sleep 60']);
  await until(async () => {
    const { succeeded, failed, running } = (await face.get('/api/progress')).json<Record<string, number>>();
    return succeeded === 2 && failed === 1 && running === 1;
  });
  await face.get('/nothing');
  const told = await face.get('/metrics');
  expect(told.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const families = parsePrometheusTextFormat(told.text) as Family[];
  const value = (name: string, labels: Record<string, string> = {}): number => {
    const family = families.find((one) => one.name === name);
    expect(family?.help, name).toBeTruthy();
    return Number(family?.metrics.find((one) => Object.entries(labels).every(([label, text]) => one.labels?.[label] === text))?.value);
  };
  const progress = (await face.get('/api/progress')).json<Record<string, number>>();
  expect(value('millrace_tasks_ended_total', { outcome: 'succeeded' })).toBe(progress.succeeded);
  expect(value('millrace_tasks_ended_total', { outcome: 'failed' })).toBe(1);
  expect(value('millrace_tasks_submitted_total')).toBe(4);
  expect(value('millrace_tasks', { state: 'running' })).toBe(1);
  expect(value('millrace_slots')).toBe(3);
  expect(value('millrace_clients')).toBe(1);
  expect(value('millrace_stalled')).toBe(0);
  // A second look counts nothing twice, and paths that strangers make up make no names.
  const again = await face.get('/metrics');
  expect(again.text).toContain('millrace_tasks_submitted_total 4');
  expect(again.text).toMatch(/^millrace_http_requests_total\{.*route="\/api\/progress".*\} [1-9]/m);
  expect(again.text).not.toContain('nothing');
});
