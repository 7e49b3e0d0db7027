/** What a scrape asks for, what it takes of a page, and what it says of it. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary.ts';
import { OPEN_METRICS, page, scrape, scraper, serve, staleOf, TEXT, targetAt, targetsOf } from './support.ts';

const folder = temporaryFolder();

describe('a request', () => {
  test('says what Prometheus says, and comes over one connection', async () => {
    const { origin, requests, connections } = await serve(page('a 1\n'));
    const target = await targetAt(`${origin}/metrics?match=all`);
    for (let i = 0; i < 5; i++) expect((await scrape(target, 2500)).report['up']).toBe(1);
    expect(connections()).toBe(1);
    expect(requests[0]?.url).toBe('/metrics?match=all');
    expect(requests[0]?.headers).toMatchObject({
      accept:
        'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'accept-encoding': 'gzip',
      'x-prometheus-scrape-timeout-seconds': '2.5',
      'user-agent': expect.stringMatching(/^tidegate/),
    });
  });

  test('asks for protobuf first when it may', async () => {
    const { origin, requests } = await serve(page('a 1\n'));
    await scrape(await targetAt(origin, { protobuf: true, compression: false }));
    expect(requests[0]?.headers.accept).toMatch(
      /^application\/vnd\.google\.protobuf;proto=io\.prometheus\.client\.MetricFamily;encoding=delimited;q=0\.6,.*\*\/\*;q=0\.1$/,
    );
    expect(requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  test('has credentials from files, which are read again when they change', async () => {
    const { origin, requests } = await serve(page('a 1\n'));
    const [token, header] = [join(folder, 'token'), join(folder, 'header')];
    writeFileSync(token, 'first\n');
    writeFileSync(header, 'one\n');
    const target = await targetAt(origin, {
      bearer_token_file: token,
      header_files: { 'X-Algo-API-Token': header },
      headers: { 'X-Plain': 'yes' },
    });
    await scrape(target);
    writeFileSync(token, 'second, longer\n');
    await scrape(target);
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second, longer']);
    expect(requests[0]?.headers).toMatchObject({ 'x-algo-api-token': 'one', 'x-plain': 'yes' });
    writeFileSync(join(folder, 'password'), 'secret\n');
    await scrape(await targetAt(origin, { basic_auth: { username: 'me', password_file: join(folder, 'password') } }));
    expect(requests.at(-1)?.headers.authorization).toBe(`Basic ${Buffer.from('me:secret').toString('base64')}`);
  });

  test('is not made when a file of credentials cannot be read', async () => {
    const { origin, requests } = await serve(page('a 1\n'));
    const target = await targetAt(origin, { bearer_token_file: join(folder, 'none') });
    expect((await scrape(target)).report).toMatchObject({
      up: 0,
      reason: expect.stringMatching(/bearer token cannot be read: .*ENOENT/),
    });
    expect(requests).toEqual([]);
  });

  test('follows redirects, and tells another host no secrets', async () => {
    const other = await serve(page('a 1\n'));
    const { origin, requests } = await serve((request, response) => {
      const location = request.url === '/metrics' ? '/here' : `${other.origin}/there`;
      response.writeHead(307, { location }).end();
    });
    const target = await targetAt(origin, { bearer_token: 'secret', headers: { 'x-key': 'secret' } });
    expect((await scrape(target)).values).toEqual({ a: 1 });
    expect(requests.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/metrics', 'Bearer secret'],
      ['/here', 'Bearer secret'],
    ]);
    expect(other.requests[0]?.url).toBe('/there');
    expect(other.requests[0]?.headers).not.toHaveProperty('authorization');
    expect(other.requests[0]?.headers).not.toHaveProperty('x-key');
    expect((await scrape(await targetAt(origin, { follow_redirects: false }))).report['reason']).toMatch(/status 307/);
  });

  test('goes over a unix socket', async () => {
    const socket = join(folder, 'node.sock');
    const server = createServer();
    server.on('request', page('a 1\n'));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const [target] = targetsOf(await scraper({ targets: [`unix:${socket}:/metrics`] }));
    expect(target?.labels).toEqual({ instance: socket });
    expect((await scrape(target as never)).values).toEqual({ a: 1 });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a page', () => {
  test('may be compressed, and is counted uncompressed', async () => {
    const text = 'a_metric{label="value"} 1\n'.repeat(1) + '# a comment\n'.repeat(10_000);
    const { origin } = await serve(page(gzipSync(text), { ...TEXT, 'content-encoding': 'gzip' }));
    const { values, report } = await scrape(await targetAt(origin));
    expect(values).toEqual({ 'a_metric{label="value"}': 1 });
    expect(report['scrape_body_size_bytes']).toBe(text.length);
  });

  test('comes in pieces: cut at every byte it is the same', async () => {
    const text = '# TYPE a counter\na{b="c\\nd",e="é"} 1.5 1000\n# HELP f \\\\\nf NaN\nlast{} -Inf\n';
    const bytes = Buffer.from(text);
    let cut = 0;
    const { origin } = await serve((_request, response) => {
      response.writeHead(200, TEXT);
      response.write(bytes.subarray(0, cut), () => setImmediate(() => response.end(bytes.subarray(cut))));
    });
    const target = await targetAt(origin);
    const seen = new Set<string>();
    for (cut = 1; cut < bytes.length; cut++) {
      const { values, report } = await scrape(target);
      seen.add(JSON.stringify([report['up'], Object.keys(values), Object.values(values).map(String)]));
    }
    expect([...seen]).toEqual([JSON.stringify([1, ['a{b="c\\nd",e="é"}', 'f', 'last'], ['1.5', 'NaN', '-Infinity']])]);
  });

  test('of another kind is what its content type says, or what the operator says', async () => {
    const text = 'a 1 1.5\n# EOF\n';
    const { origin } = await serve(page(text, OPEN_METRICS));
    expect((await scrape(await targetAt(origin))).plain.find(({ type }) => type === 'prometheus.sample')?.rows).toEqual([
      { name: 'a', labels: {}, kind: 'unknown', value: 1, timestamp: 1.5 },
    ]);
    const json = await serve(page('a 1\n', { 'content-type': 'application/json' }));
    expect((await scrape(await targetAt(json.origin, { fallback_protocol: 'text' }))).values).toEqual({ a: 1 });
  });

  test('is strictly read when that is asked for', async () => {
    const { origin, requests } = await serve(page('# TYPE a counter\na 1\n# EOF\n', OPEN_METRICS));
    expect((await scrape(await targetAt(origin))).report['up']).toBe(1);
    expect((await scrape(await targetAt(origin, { mode: 'strict' }))).report).toMatchObject({
      up: 0,
      reason: expect.stringMatching(/^line 2: /),
    });
    expect(requests[1]?.headers.accept).toContain('escaping=underscores');
  });

  test('says with its samples what they are, at first and when that changes', async () => {
    let help = 'first';
    const { origin } = await serve(
      page(() => `# HELP a_s ${help}\n# TYPE a_s gauge\n# UNIT a_s s\na_s 1\n# EOF\n`, OPEN_METRICS),
    );
    const target = await targetAt(origin);
    const said = async () =>
      (await scrape(target)).plain.filter(({ type }) => type === 'prometheus.metadata').flatMap(({ rows }) => rows);
    expect(await said()).toEqual([{ name: 'a_s', kind: 'gauge', unit: 's', help: 'first' }]);
    expect(await said()).toEqual([]);
    help = 'second';
    expect(await said()).toEqual([{ name: 'a_s', kind: 'gauge', unit: 's', help: 'second' }]);
  });

  test('has exemplars and times at which series began', async () => {
    const text =
      '# TYPE a counter\na_total{x="1"} 3 # {trace="t1"} 0.5 1.25\na_created{x="1"} 1000.5\na_total{x="2"} 4\n# TYPE g gauge\ng 1\n# EOF\n';
    const { origin } = await serve(page(text, OPEN_METRICS));
    const { plain, values } = await scrape(await targetAt(origin));
    expect(plain.find(({ type }) => type === 'prometheus.exemplar')?.rows).toEqual([
      { name: 'a_total', labels: { x: '1' }, exemplar: { trace: 't1' }, value: 0.5, timestamp: 1.25 },
    ]);
    expect(values['a_created{x="1"}']).toBe(1000.5);
    const started = await scrape(await targetAt(origin, { start_times: true, exemplars: false }));
    expect(started.plain.map(({ type }) => type)).not.toContain('prometheus.exemplar');
    expect(started.plain.find(({ type }) => type === 'prometheus.sample')?.rows).toEqual([
      { name: 'a_total', labels: { x: '1' }, kind: 'counter', value: 3, start_time: 1000.5 },
      { name: 'a_total', labels: { x: '2' }, kind: 'counter', value: 4 },
      { name: 'g', labels: {}, kind: 'gauge', value: 1 },
    ]);
  });

  test('that loses a series says that it is stale, unless it has times of its own', async () => {
    let text = 'a 1\nb{x="1"} 2\nc 3 1000\n';
    const { origin } = await serve(page(() => text));
    const target = await targetAt(origin);
    expect((await scrape(target)).report['scrape_series_added']).toBe(3);
    text = 'a 1\nd 5\n';
    const changed = await scrape(target);
    expect(staleOf(changed)).toEqual(['b{x="1"}']);
    expect(changed.report['scrape_series_added']).toBe(1);
    text = 'a 1\nd 5\nb{x="1"} 2\n';
    expect(staleOf(await scrape(target))).toEqual([]);
    expect(target.leave().flatMap((table) => table.seal().layout.attributes[0])).toEqual(['a', 'd', 'b']);
  });

  test('keeps its times, or has none when they are not wanted', async () => {
    const { origin } = await serve(page('a 1 1500\nb 2\n'));
    const fields = async (options: object) =>
      (await scrape(await targetAt(origin, options))).plain.find(({ type }) => type === 'prometheus.sample')?.rows;
    expect(await fields({})).toEqual([
      { name: 'a', labels: {}, kind: 'unknown', value: 1, timestamp: 1.5 },
      { name: 'b', labels: {}, kind: 'unknown', value: 2 },
    ]);
    expect(await fields({ honor_timestamps: false })).toEqual([
      { name: 'a', labels: {}, kind: 'unknown', value: 1 },
      { name: 'b', labels: {}, kind: 'unknown', value: 2 },
    ]);
  });
});

describe('labels', () => {
  test('of the target go with its events; of the page they are renamed where both have one', async () => {
    const { origin, port } = await serve(page('a{job="x",exported_job="y",z="1"} 1\n'));
    const options = { targets: [{ targets: [origin], labels: { job: 'node' } }], target_labels: { site: 'a' } };
    const [target] = targetsOf(await scraper(options));
    expect(target?.labels).toEqual({ instance: `127.0.0.1:${port}`, site: 'a', job: 'node' });
    expect(Object.keys((await scrape(target as never)).values)).toEqual(['a{exported_exported_job="x",exported_job="y",z="1"}']);
    const [honoring] = targetsOf(await scraper({ ...options, honor_labels: true }));
    expect(Object.keys((await scrape(honoring as never)).values)).toEqual(['a{job="x",exported_job="y",z="1"}']);
  });

  test('are renamed and removed', async () => {
    const { origin } = await serve(page('a{x="1",y="2",z="3"} 1\n'));
    const target = await targetAt(origin, { rename_labels: { x: 'new', y: '' } });
    expect(Object.keys((await scrape(target)).values)).toEqual(['a{new="1",z="3"}']);
  });

  test('and names choose the series that are kept', async () => {
    const { origin } = await serve(page('go_a 1\nnode_a{mode="idle",cpu="0"} 2\nnode_a{mode="user",cpu="0"} 3\nnode_b 4\n'));
    const kept = async (options: object) => {
      const { values, report } = await scrape(await targetAt(origin, options));
      expect(report).toMatchObject({
        scrape_samples_scraped: 4,
        scrape_samples_post_metric_relabeling: Object.keys(values).length,
      });
      return Object.values(values);
    };
    expect(await kept({ keep: ['node_*'] })).toEqual([2, 3, 4]);
    expect(await kept({ drop: ['go_*', { name: 'node_a', labels: { mode: 'idle' } }] })).toEqual([3, 4]);
    expect(await kept({ keep: [{ labels: { mode: '?*' } }] })).toEqual([2, 3]);
    expect(await kept({ keep: ['node_*'], drop: [{ name: 'node_b' }] })).toEqual([2, 3]);
  });
});

describe('limits', () => {
  const text = 'a{x="1",yy="22"} 1\nb 2\nc 3\n';
  test.each([
    [{ max_series: 2 }, /more than max_series, 2 series: raise it, or drop some/, 0],
    [{ sample_limit: 2 }, /has 3 samples, more than sample_limit, 2/, 3],
    [{ label_limit: 3 }, /line 1: the series has 4 labels, more than label_limit, 3/, 0],
    [{ label_name_length_limit: 1 }, /line 1: the name of the label "yy" is longer/, 0],
    [{ label_value_length_limit: 1 }, /line 1: the value of the label "yy" is longer/, 0],
  ])('%j', async (options, reason, scraped) => {
    const { origin } = await serve(page(text));
    const { report, values } = await scrape(await targetAt(origin, options));
    expect(report).toMatchObject({ up: 0, reason: expect.stringMatching(reason) });
    if (scraped > 0) expect(report['scrape_samples_scraped']).toBe(scraped);
    expect(values).toEqual({});
  });

  test('hold only what is kept', async () => {
    const { origin } = await serve(page(text));
    const { report } = await scrape(await targetAt(origin, { max_series: 1, sample_limit: 1, drop: ['a', 'b'] }));
    expect(report).toMatchObject({ up: 1, scrape_samples_scraped: 3, scrape_sample_limit: 1 });
  });

  test('of targets refuse them all', async () => {
    const sampler = await scraper({ targets: ['127.0.0.1:1', '127.0.0.1:2'], target_limit: 1 });
    expect(targetsOf(sampler)).toEqual([]);
    const [table] = await sampler.sample(new AbortController().signal, 0);
    expect(table?.seal().layout.attributes[0]?.[0]).toMatch(/2 targets, more than target_limit, 1/);
  });

  test('of targets that differ in nothing that may be shown take the first', async () => {
    const [one, two] = ['one', 'two'].map((token) => `http://127.0.0.1:1/metrics?token=${token}`);
    const sampler = await scraper({ targets: [one, two, one] });
    const shown = 'http://127.0.0.1:1/metrics?token=***';
    expect(targetsOf(sampler).map(({ name }) => name)).toEqual([shown]);
    const [table] = await sampler.sample(new AbortController().signal, 0);
    expect(table?.seal().layout.attributes[0]?.[0]).toBe(`${shown} is there twice, with other tokens: the first is scraped`);
  });
});
