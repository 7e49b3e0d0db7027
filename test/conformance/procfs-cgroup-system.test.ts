/**
 * What prometheus/procfs expects of its own fixtures, as far as the sensors `cgroup` and `system` read them. Its fixtures hold no
 * cgroup filesystem, no uptime and no hardware clock; `/proc/cgroups` is not read by any sensor.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import cgroup from '../../sensors/cgroup.ts';
import system from '../../sensors/system.ts';
import { ownPaths } from '../../src/cgroup/mounts.ts';
import { mount, TOP, V2 } from '../cgroup/support.ts';
import { conformance, hostAt, hostOf, rowsOf, sampleOnce, unpackTtar } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const archive = conformance('procfs/fixtures.ttar.gz');
const expected = conformance('procfs/expected-from-go-tests.json');

interface Expectation {
  readonly test: string;
  readonly value: readonly unknown[];
}
interface CgroupLine {
  readonly name: string;
  readonly s: string;
  readonly shouldErr: boolean;
  readonly cgroup: { readonly Controllers: readonly string[] | null; readonly Path: string } | null;
}

const expectations = (test: string): Expectation[] => {
  const { expectations: all } = JSON.parse(readFileSync(expected as string, 'utf8')) as { expectations: Expectation[] };
  return all.filter((expectation) => expectation.test === test);
};

describe.skipIf(!archive)('fixtures of prometheus/procfs (skipped without them)', () => {
  const folder = temporaryFolder();
  beforeAll(() => unpackTtar(archive as string, folder));

  it('system: 4 of 4 values: boot time, entropy, size of the pool, clock source', async () => {
    const tables = await sampleOnce(system, hostAt(join(folder, 'fixtures')));
    expect(rowsOf(tables, 'system')[0]).toEqual({ boot_time: 1418183276 });
    expect(rowsOf(tables, 'system.entropy')).toEqual([{ available: 3943, pool_size: 4096 }]);
    expect(rowsOf(tables, 'system.clock')).toEqual([{ 'system.clock.source': 'tsc', info: 1 }]);
  });

  it('cgroup: the 3 pressure files as those of a cgroup, 20 of 20 values', async () => {
    const pressure = (resource: string): string => readFileSync(join(folder, 'fixtures/proc/pressure', resource), 'utf8');
    const resources = ['cpu', 'memory', 'io'];
    const files = Object.fromEntries(resources.map((resource) => [`${TOP}/${resource}.pressure`, pressure(resource)]));
    const rows = rowsOf(await sampleOnce(cgroup, hostOf({ ...V2, ...files }).host), 'cgroup.pressure');
    const at = (resource: string, scope: string) => ({
      'cgroup.path': '/',
      'pressure.resource': resource,
      'pressure.scope': scope,
    });
    const some = { avg10: 0.001, avg60: 0.02, avg300: 0.0385, time: 0.000015 };
    const full = { avg10: 0.002, avg60: 0.03, avg300: 0.0495, time: 0.000025 };
    expect(rows).toEqual([
      { ...at('cpu', 'some'), ...some },
      { ...at('memory', 'some'), ...some },
      { ...at('memory', 'full'), ...full },
      { ...at('io', 'some'), ...some },
      { ...at('io', 'full'), ...full },
    ]);
  });
});

describe.skipIf(!expected)('expectations of prometheus/procfs (skipped without them)', () => {
  it('TestParseCgroupString: 5 of 5 lines; a malformed one is passed over, for the others must still be found', () => {
    const lines = expectations('TestParseCgroupString')[0]?.value as CgroupLine[];
    expect(lines).toHaveLength(5);
    for (const { name, s, shouldErr, cgroup: line } of lines) {
      const { host } = hostOf({ 'proc/self/cgroup': `${s}\n`, 'proc/self/mountinfo': mount('/sys/fs/cgroup') });
      const controllers = shouldErr ? [] : (line?.Controllers ?? ['']);
      expect(Object.fromEntries(ownPaths(host)), name).toEqual(Object.fromEntries(controllers.map((key) => [key, line?.Path])));
    }
  });
});
