/**
 * `npm test`: every check of this repository, all of them whether one fails or not, and a count as the last line.
 *
 * `npm test -- FILTER…` passes the filter to vitest and leaves the other checks out.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const filters = process.argv.slice(2);

const CHECKS = [
  ['format', 'biome', ['check', '--error-on-warnings', '.']],
  ['lint', 'oxlint', ['--type-aware', '--deny-warnings']],
  ['types', 'tsc', ['-p', 'test/tsconfig.json']],
  ['unused code', 'knip', []],
];

let passed = 0;
let failed = 0;

function check([name, command, args]) {
  const { status, stdout, stderr } = spawnSync(bin(command), args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  process.stdout.write(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}\n`);
  if (status === 0) passed++;
  else {
    failed++;
    process.stdout.write(`${stdout}${stderr}\n`);
  }
}

/** Runs vitest and returns the names of what it skipped. */
function vitest() {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-test-'));
  const report = join(folder, 'report.json');
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters];
  try {
    const { status } = spawnSync(bin('vitest'), args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    passed += numPassedTests;
    failed += numFailedTests;
    // A file that could not be loaded, or an error outside of any test, fails the run without a failed test.
    if (status !== 0 && numFailedTests === 0) failed++;
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
    return tests.filter((test) => !['passed', 'failed'].includes(test.status)).map(({ fullName }) => fullName);
  } catch (error) {
    failed++;
    process.stdout.write(`vitest did not report: ${error.message}\n`);
    return [];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (filters.length === 0) for (const one of CHECKS) check(one);
const skipped = vitest();
if (skipped.length > 0) process.stdout.write(`\nskipped:\n${skipped.map((name) => `  ${name}\n`).join('')}`);
process.stdout.write(`\n${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}\n`);
process.exitCode = failed > 0 ? 1 : 0;
