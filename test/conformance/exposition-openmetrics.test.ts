/** The OpenMetrics 1.0 suite: strict reading agrees with every verdict of it; lenient reading refuses nothing that is valid. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { read } from '../exposition/support.ts';
import { conformance } from '../support.ts';

interface Case {
  name: string;
  shouldParse: boolean;
  body?: string;
  bodyBase64?: string;
}

const file = conformance('exposition/openmetrics-1.0.json');
const cases = file === undefined ? [] : (JSON.parse(readFileSync(file, 'utf8')) as Case[]);
const bodyOf = ({ body, bodyBase64 }: Case): Buffer =>
  body === undefined ? Buffer.from(bodyBase64 as string, 'base64') : Buffer.from(body);

describe.skipIf(file === undefined)('OpenMetrics suite (needs ../shared/conformance)', () => {
  test('is there', () => {
    expect(cases.length).toBeGreaterThan(100);
  });

  test.each(cases.filter((one) => one.shouldParse).map((one) => [one.name, one] as const))('%s is read', (_name, one) => {
    expect(() => read(bodyOf(one), { openMetrics: true, strict: true })).not.toThrow();
    expect(() => read(bodyOf(one), { openMetrics: true })).not.toThrow();
  });

  test.each(cases.filter((one) => !one.shouldParse).map((one) => [one.name, one] as const))('%s is refused', (_name, one) => {
    expect(() => read(bodyOf(one), { openMetrics: true, strict: true })).toThrow(/^line \d+: /);
  });
});
