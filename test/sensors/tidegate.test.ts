import { expect, test } from 'vitest';
import tidegate from '../../sensors/tidegate.ts';
import { Unavailable } from '../../src/errors.ts';
import { selfTables } from '../../src/telemetry/self-tables.ts';
import { expectGolden, hostOf, open, sample, sensorContext } from '../support.ts';
import { PROCESS, scene } from '../telemetry/scene.ts';

const { host } = hostOf({ 'proc/stat': '' });

test('where nothing runs it is unavailable, and says what runs', async () => {
  const opening = open(tidegate, host);
  await expect(opening).rejects.toThrow(Unavailable);
  await expect(opening).rejects.toThrow(/tidegate run/);
});

test('says what the service measures of itself', async () => {
  const { status, now } = await scene();
  const self = () => selfTables(status, PROCESS, now);
  const tables = await sample(await open(tidegate, host, {}, sensorContext({ self })));
  expectGolden('tidegate/expected.json', tables);
  const emitted = new Set(tidegate.emits.map(({ type }) => type));
  expect(tables.filter(({ type }) => !emitted.has(type))).toEqual([]);
});
