/** Every case of every sensor whose fixture holds `expected.json`: sampled as an operator would, compared whole. `npm run golden` writes them. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadSensor } from '../../src/registry.ts';
import { expectGolden, fixtureHost, REPOSITORY, sampleOnce } from '../support.ts';

/** Sensors whose cases need no options and are golden here; the others compare their own in their own tests. */
const SENSORS = [
  'conntrack',
  'cpu',
  'disk',
  'interrupts',
  'load',
  'memory',
  'mounts',
  'network',
  'paging',
  'pressure',
  'softnet',
  'vmstat',
];
/** Those whose files no machine at hand has: what there is of them is made by hand, after the kernel's documents. */
const BY_HAND = ['fan', 'modules', 'power', 'raid', 'temperature'];

describe.each([...SENSORS, ...BY_HAND])('%s', (name) => {
  const folder = join(REPOSITORY, 'fixtures', name);
  const cases = readdirSync(folder).filter(
    (one) => existsSync(join(folder, one, 'proc')) || existsSync(join(folder, one, 'sys')),
  );

  test('has a recorded machine, where one can be had, and a hand-made one with the traps of its files', () => {
    expect(cases).toEqual(expect.arrayContaining(BY_HAND.includes(name) ? ['traps'] : ['recorded', 'traps']));
  });

  test.each(cases)('%s', async (one) => {
    expectGolden(`${name}/${one}/expected.json`, await sampleOnce(await loadSensor(name), fixtureHost(`${name}/${one}`)));
  });
});
