/**
 * `npm test`: every check of this repository, whether one before it failed or not, and the count as the last line.
 *
 *   npm test             format, lint, types, unused code, tests
 *   npm test -- FILTER   only tests, with vitest's own filters and options
 *   npm run check        everything but tests
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const args = process.argv.slice(2);
const onlyChecks = args[0] === '--check';
const filters = onlyChecks ? [] : args;

const CHECKS = [
  ['format', 'biome', 'check', '--error-on-warnings', '.'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['types', 'tsc', '--pretty', 'false'],
  ['types of the page', 'tsc', '-p', 'src/page', '--pretty', 'false'],
  ['unused code', 'knip', '--treat-config-hints-as-errors'],
];
const REMEDY = { format: 'npm run format', 'unused code': 'remove it, or name its entry file in knip.json' };

/** Runs one check, and resolves with whether it passed and what it printed. */
function run([name, command, ...rest]) {
  return new Promise((resolve) => {
    const began = performance.now();
    const child = spawn(bin(command), rest, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', (error) => resolve({ name, ok: false, output: `${command}: ${error.message}`, seconds: 0 }));
    child.on('close', (status) => {
      resolve({ name, ok: status === 0, output, seconds: (performance.now() - began) / 1000 });
    });
  });
}

/** All checks at once, told in their order. */
async function runChecks() {
  const total = { passed: 0, failed: 0 };
  for (const running of CHECKS.map(run)) {
    const { name, ok, output, seconds } = await running;
    process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)\n`);
    total[ok ? 'passed' : 'failed']++;
    if (!ok) process.stdout.write(`${output.trimEnd()}\n${REMEDY[name] ? `→ ${REMEDY[name]}\n` : ''}\n`);
  }
  return total;
}

function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-test-'));
  const file = join(folder, 'tally.json');
  try {
    const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'tally.ts')}`];
    const env = { ...process.env, TIDEGATE_TALLY: file, ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }) };
    const { status } = spawnSync(bin('vitest'), ['run', ...reporters, ...filters], { cwd: root, env, stdio: ['ignore', 1, 1] });
    const tally = JSON.parse(readFileSync(file, 'utf8'));
    // No test found, a threshold, a process that died: failures that belong to no test.
    if (status !== 0 && tally.failed === 0) tally.failed = 1;
    return tally;
  } catch (error) {
    process.stdout.write(`vitest ended without a report: ${error.message}\n`);
    return { passed: 0, failed: 1, skipped: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (!existsSync(bin('vitest'))) {
  process.stderr.write('nothing is installed: with ignore-scripts npm runs no `pretest`. → node scripts/setup.mjs\n');
  process.exit(1);
}
const checks = filters.length > 0 ? { passed: 0, failed: 0 } : await runChecks();
const tests = onlyChecks ? { passed: 0, failed: 0, skipped: [] } : runTests();
const { skipped } = tests;
// What a filter by name leaves out was not skipped for a reason.
const byName = filters.some((arg) => /^(-t|--testNamePattern)/.test(arg));
if (skipped.length > 0 && !byName) process.stdout.write(`\nskipped:\n${skipped.map((line) => `  ${line}\n`).join('')}`);
for (const line of tests.missing ?? []) process.stdout.write(`\n${line}\n`);
const [passed, failed] = [checks.passed + tests.passed, checks.failed + tests.failed];
process.stdout.write(`\n${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
