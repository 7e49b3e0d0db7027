/** The machines in `fixtures/hosts`: every sensor that needs no options, on each of them, against its golden file. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describe as words } from '../src/errors.ts';
import { registry } from '../src/registry.ts';
import { expectGolden, fixtureHost, type PlainTable, REPOSITORY, sampleOnce } from './support.ts';

const hosts = readdirSync(join(REPOSITORY, 'fixtures', 'hosts'));

/** What a sensor says of a host: its tables, or why it has none. */
async function outcome(name: string, host: string): Promise<PlainTable[] | string> {
  try {
    return await sampleOnce(await registry.loadSensor(name), fixtureHost(`hosts/${host}`));
  } catch (error) {
    // The folder of this clone is not part of what is compared.
    return words(error).replaceAll(join(REPOSITORY, 'fixtures', 'hosts', host), '');
  }
}

describe.each(hosts)('%s', (host) => {
  test('what every sensor sees', async () => {
    const seen: Record<string, PlainTable[] | string> = {};
    for (const name of registry.sensorNames()) {
      const { byDefault = true, options } = await registry.loadSensor(name);
      if (byDefault && options.safeParse({}).success) seen[name] = await outcome(name, host);
    }
    expectGolden(`hosts/${host}/expected.json`, seen);
  });
});

test('there are a recorded host and one made by hand', () => {
  expect(hosts).toEqual(['debian-vm', 'small']);
});
