import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/mistake.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { testRegistry } from './support.ts';

const TEXT = `interval: 10s
labels: { env: "\${ENV:-prod}" }
include: [other.yaml]
sensors:
  cpu: &base
    interval: 5s
  disk: { <<: *base, exclude: '^a', least: 1MiB }
  node:
    type: scrape
    targets:
      - http://a
    headers: { a: b }
sinks:
  file: { path: |
    x }
  broker: { servers: ["a"], tls: { ca: x }, queue: { max_events: 5 } }
`;
/** What breaks YAML and substitutions most. */
const SCRAPS = [
  '\t',
  '\n',
  ' ',
  ':',
  ': ',
  '-',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '#',
  '&a',
  '*base',
  '<<: ',
  '!x',
  '|',
  '>',
  '? ',
  '%',
  '@',
  '${',
  '${A',
  '${file:',
  '$${',
  '~',
  'null',
  '0',
  '\0',
  '\u2028',
  '日',
  '---\n',
  '__proto__: 1',
];

test('whatever is done to a file, it loads or has mistakes with places, and nothing else', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'tidegate.yaml');
  const edit = fc.tuple(fc.nat(TEXT.length), fc.nat(12), fc.constantFrom(...SCRAPS));
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      let text = TEXT;
      for (const [at, remove, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + remove);
      writeFiles(folder, { 'tidegate.yaml': text, 'other.yaml': 'timeout: 1s\n' });
      const error = await loadConfig(path, {}, { registry: testRegistry() }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error === undefined) return;
      expect(error).toBeInstanceOf(ConfigError);
      const { mistakes } = error as ConfigError;
      expect(mistakes.length).toBeGreaterThan(0);
      const lines = text.split('\n').length;
      for (const { line, column, excerpt } of mistakes) {
        if (line === undefined) continue;
        expect(line).toBeLessThanOrEqual(lines);
        expect(column).toBeGreaterThan(0);
        if (excerpt) expect(excerpt.caret).toMatch(/^[ \t]*\^+$/);
      }
    }),
    { numRuns: 500 },
  );
});
