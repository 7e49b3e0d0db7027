/** The sensor as an operator sees it: recorded and hand-made pages against their golden files, options, and what `once` makes of targets. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import prometheus from '../../sensors/prometheus.ts';
import { sampleAll } from '../../src/cli/sample.ts';
import { OPEN_METRICS, page, scrape, serve, TEXT, targetAt } from '../scrape/support.ts';
import { expectGolden, fixtureHost, REPOSITORY } from '../support.ts';

const fixture = (path: string): Buffer => readFileSync(join(REPOSITORY, 'fixtures', 'prometheus', path));

describe.each([
  ['recorded/metrics.txt', TEXT],
  ['traps/metrics.txt', TEXT],
  ['traps/openmetrics.txt', OPEN_METRICS],
])('%s', (path, headers) => {
  test('gives the tables of its golden file', async () => {
    const { origin } = await serve(page(fixture(path), headers));
    const { plain } = await scrape(await targetAt(origin, { start_times: true }));
    const stable = plain.map(({ type, rows }) =>
      type === 'prometheus.scrape'
        ? { type, rows: rows.map((row) => ({ ...row, target: 'TARGET', scrape_duration_seconds: 0 })) }
        : { type, rows },
    );
    // JSON has no such numbers.
    const shown = JSON.parse(
      JSON.stringify(stable, (_key, value: unknown) =>
        typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
      ),
    );
    expectGolden(`prometheus/${path.replace(/\.txt$/, '.json')}`, shown);
  });
});

describe('options', () => {
  const mistake = (options: object): string => {
    const parsed = prometheus.options.safeParse(options);
    return parsed.success ? '' : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n');
  };

  test.each([
    [{}, /^targets: there is nothing to scrape/],
    [{ targets: ['http://'] }, /is no target; write it as http:\/\/host:9100\/metrics/],
    [{ targets: ['a:1'], bearer_token: 'x', bearer_token_file: '/y' }, /one of them is enough/],
    [{ targets: ['a:1'], basic_auth: { username: 'u' }, bearer_token: 'x' }, /one of them is enough/],
    [{ dns_sd: { names: ['n'], type: 'A' } }, /A records name no port: set port/],
    [{ targets: ['a:1'], tls: { cert_file: 'x' } }, /cert_file and key_file go together/],
    [{ targets: ['a:1'], prefix: 'Node' }, /small letters/],
  ])('%j', (options, message) => {
    expect(mistake(options)).toMatch(message);
  });

  test('may be few', () => {
    expect(mistake({ targets: ['127.0.0.1:9100'] })).toBe('');
  });

  test('give its events another first name', async () => {
    const { origin } = await serve(page('a 1\n'));
    const { plain } = await scrape(await targetAt(origin, { prefix: 'node' }));
    expect(plain.map(({ type }) => type)).toEqual(['node.scrape', 'node.sample']);
  });
});

test('`once` samples every target, and says what is wrong with each', async () => {
  const { origin } = await serve(page('a 1\n'));
  const configured = {
    name: 'node',
    definition: prometheus as never,
    options: prometheus.options.parse({ targets: [`${origin}/metrics`, 'http://127.0.0.1:1/metrics'] }),
    timeout: 5000,
    labels: {},
  };
  const round = { agent: 'a', host: 'h', stateDir: '/nonexistent', redact: (text: string): string => text };
  const [sampled] = await sampleAll([configured], fixtureHost('prometheus'), round);
  expect(sampled?.why).toBeUndefined();
  expect(sampled?.problems).toEqual([
    expect.stringMatching(/^http:\/\/127\.0\.0\.1:1\/metrics: it cannot be reached: .*ECONNREFUSED/),
  ]);
  expect(sampled?.events.map(({ type }) => type).toSorted()).toEqual([
    'prometheus.sample',
    'prometheus.scrape',
    'prometheus.scrape',
    'prometheus.targets',
  ]);
});
