/** Sensors with targets on the command line: what is wrong with each is said, and the others go on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { page, serve } from '../scrape/support.ts';
import { tidegate, workplace } from './process-support.ts';

const { work, state } = workplace();

async function configuration(): Promise<{ file: string; origin: string }> {
  const { origin } = await serve(page('a{x="1"} 5\n'));
  const file = join(work, 'tidegate.yaml');
  writeFileSync(
    file,
    `sensors: { node: { type: prometheus, targets: ["${origin}/metrics", "127.0.0.1:1"] }, load: {} }\nsinks: { out: { type: console } }\n`,
  );
  return { file, origin };
}

test('`sensors -c` samples a configuration and says what is wrong with its targets', async () => {
  const { file } = await configuration();
  const { code, out, err } = await tidegate(['--state', state, 'sensors', '-c', file]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^node +works +\d+ events$/m);
  expect(out).toMatch(/^node +target +http:\/\/127\.0\.0\.1:1\/metrics: it cannot be reached: connect ECONNREFUSED/m);
  expect(out).toMatch(/^load +works/m);
  const { out: one } = await tidegate(['--state', state, 'sensors', 'prometheus', '-c', file]);
  expect(one).not.toMatch(/^load/m);
});

test('`once` prints what came, and says the rest on standard error', async () => {
  const { file, origin } = await configuration();
  const { out, err } = await tidegate(['--state', state, 'once', 'node', '-c', file, '--format', 'json']);
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; labels: object; attributes: Record<string, unknown[]> });
  const sample = events.find(({ type }) => type === 'prometheus.sample');
  expect(sample).toMatchObject({
    labels: { instance: new URL(origin).host },
    attributes: { name: ['a'], labels: [{ x: '1' }], kind: ['unknown'] },
  });
  expect(err).toMatch(/node: http:\/\/127\.0\.0\.1:1\/metrics: it cannot be reached/);
});
