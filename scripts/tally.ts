/** A vitest reporter that writes what `scripts/test.mjs` counts, as JSON, to the file that `TIDEGATE_TALLY` names. */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { MISSING_PREFIX } from '../test/brokers/missing.ts';

/** How long the end of a run may take, in milliseconds. What still holds vitest then is a process or a handle that a test left behind. */
const END_MS = 15_000;

export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { message: string }[]): void {
    const file = process.env['TIDEGATE_TALLY'];
    if (file === undefined) return;
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
    // A file that does not load and a hook that throws fail their file without failing a test; what nobody awaits fails no file.
    const broken = modules.filter((module) => module.state() === 'failed' && !hasFailedTest(module));
    const failed = count('failed') + broken.length + unhandled.length;
    const skipped = tests.filter((test) => test.result().state === 'skipped').map(reason);
    writeFileSync(file, JSON.stringify({ passed: count('passed'), failed, skipped, missing: missing(modules) }));
    setTimeout(() => {
      process.stderr.write('vitest does not end: a test left a process behind that holds its output; end it in the test\n');
      process.exit(1);
    }, END_MS).unref();
  }
}

function hasFailedTest(module: TestModule): boolean {
  for (const test of module.children.allTests()) if (test.result().state === 'failed') return true;
  return false;
}

/** Why there was no broker to test with: what tests and hooks failed of, each reason once. */
function missing(modules: readonly TestModule[]): string[] {
  const of = (error: { message: string }): string[] => (error.message.startsWith(MISSING_PREFIX) ? [error.message] : []);
  const found = modules.flatMap(({ children }) => [
    ...[...children.allTests()].flatMap((test) => (test.result().errors ?? []).flatMap(of)),
    ...[...children.allSuites()].flatMap((suite) => suite.errors().flatMap(of)),
  ]);
  return [...new Set(found)];
}

/** Where a skipped test is, and why: the note it gave, or its name, which says it. */
function reason(test: TestCase): string {
  const result = test.result();
  const note = result.state === 'skipped' && result.note ? `: ${result.note}` : '';
  return `${test.module.relativeModuleId} > ${test.fullName}${note}`;
}
