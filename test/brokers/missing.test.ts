/** What `npm test` says where a broker can neither be had nor installed. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

/** Runs tests of brokers with nothing in PATH but Node, and no jars in the cache. */
function run(env: Record<string, string> = {}): { status: number | null; output: string } {
  const bin = join(REPOSITORY, 'node_modules', '.bin');
  const args = [join('scripts', 'test.mjs'), 'test/brokers/kafka.test.ts', 'test/brokers/proxy.test.ts'];
  const { status, stdout } = spawnSync(join(bin, 'node'), args, {
    cwd: REPOSITORY,
    encoding: 'utf8',
    env: { PATH: bin, XDG_CACHE_HOME: temporaryFolder(), ...env },
  });
  return { status, output: stdout };
}

test('the closing lines say it once, with what one may do, and the run fails', () => {
  const { status, output } = run();
  const closing = output.slice(output.lastIndexOf('Duration'));
  expect(closing).toMatch(
    /^no broker to test with: Kafka: \S+ is not installed, and this system has no apt-get.*\n→ .*TIDEGATE_TEST_KAFKA=/m,
  );
  expect(closing.match(/no broker to test with/g)).toHaveLength(1);
  expect(closing).toMatch(/^[1-9]\d* passed, [1-9]\d* failed/m);
  expect(status).toBe(1);
}, 180_000);

test('told to skip, it passes, and names what it left out', () => {
  const { status, output } = run({ TIDEGATE_TEST_BROKERS: 'skip' });
  expect(output).toMatch(/a Kafka of three nodes \(skipped: needs Kafka, and TIDEGATE_TEST_BROKERS=skip leaves it out\)/);
  expect(output).toMatch(/^[1-9]\d* passed, 0 failed, [1-9]\d* skipped$/m);
  expect(status).toBe(0);
}, 180_000);

test('given a broker, it skips only what would have to kill it', () => {
  const { output } = run({ TIDEGATE_TEST_KAFKA: '127.0.0.1:1' });
  expect(output).toMatch(/a Kafka of three nodes \(skipped: needs a Kafka of its own, and TIDEGATE_TEST_KAFKA gives one\)/);
  expect(output).toMatch(/^[1-9]\d* passed, 1 failed, [1-9]\d* skipped$/m);
}, 180_000);
