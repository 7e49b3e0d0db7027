/** Instances of the sensor `node` for tests, and one ping of one target. */
import { afterAll, expect } from 'vitest';
import sensor from '../../sensors/node.ts';
import type { Sampler, SensorContext } from '../../src/sensor.ts';
import { fixtureHost, open, type PlainRow, type PlainTable, rowsOf, sample, sensorContext } from '../support.ts';

export const NOW = 1_700_000_000;
const host = fixtureHost('load/recorded');

export async function opened(
  options: object,
  context: Partial<SensorContext> = {},
): Promise<{ sampler: Sampler; at: (seconds: number) => Promise<PlainTable[]> }> {
  const sampler = await open(sensor, host, options, sensorContext(context));
  afterAll(() => sampler.close?.());
  return { sampler, at: (seconds) => sample(sampler, (NOW + seconds) * 1000) };
}

/** One ping of one target: its row, what it failed of, and its phases. */
export async function pinged(
  target: object,
  more: object = {},
): Promise<{ row: PlainRow; error: [unknown, unknown] | undefined; phases: unknown[] }> {
  const { sampler, at } = await opened({ targets: { one: target }, ...more });
  const tables = await at(0);
  await sampler.close?.();
  const [error] = rowsOf(tables, 'node.error');
  const phases = rowsOf(tables, 'node.latency');
  for (const { duration } of phases) expect(duration).toBeGreaterThanOrEqual(0);
  return {
    row: rowsOf(tables, 'node.target')[0] ?? {},
    error: error && [error['error.type'], error['error.message']],
    phases: phases.map((phase) => phase['node.phase']),
  };
}
