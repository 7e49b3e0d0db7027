/** Every case of every sensor whose fixture holds `expected.json`: sampled as an operator would, compared whole. `npm run golden` writes them. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadSensor } from '../../src/registry.ts';
import { expectGolden, fixtureHost, REPOSITORY, sampleOnce } from '../support.ts';

/** Sensors whose cases need no options and are golden here; the others compare their own in their own tests. */
const SENSORS = ['cpu', 'disk', 'load', 'memory', 'network', 'paging', 'pressure'];

describe.each(SENSORS)('%s', (name) => {
  const folder = join(REPOSITORY, 'fixtures', name);
  const cases = readdirSync(folder).filter((one) => existsSync(join(folder, one, 'proc')));

  test('has a recorded machine and a hand-made one with the traps of its files', () => {
    expect(cases).toEqual(expect.arrayContaining(['recorded', 'traps']));
  });

  test.each(cases)('%s', async (one) => {
    expectGolden(`${name}/${one}/expected.json`, await sampleOnce(await loadSensor(name), fixtureHost(`${name}/${one}`)));
  });
});
