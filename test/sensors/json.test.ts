/** The sensor `json`: its presets on recorded and described answers, a mapping of an operator's, what goes wrong. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import sensor from '../../sensors/json.ts';
import { PRESETS } from '../../src/json/presets/index.ts';
import { emitted, type Sampler } from '../../src/sensor.ts';
import { bodyOf, deadPort, httpServer, json } from '../http-client/servers.ts';
import { aboutCase, FOLDER, presetServer } from '../json/preset-server.ts';
import { expectGolden, fixtureHost, open, type PlainTable, rowsOf, sample, sensorContext } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const NOW = 1_700_000_000_000;

/** An opened instance and what it says. */
async function opened(
  options: object,
): Promise<{ sampler: Sampler; said: string[]; sampled: (time?: number) => Promise<PlainTable[]> }> {
  const said: string[] = [];
  const say = (message: string): void => void said.push(message);
  const sampler = await open(sensor, fixtureHost('load/recorded'), options, sensorContext({ warn: say, info: say }));
  return { sampler, said, sampled: (time = NOW) => sample(sampler, time) };
}

/** Rows without how long it took, which is no two times the same. */
const settled = (tables: readonly PlainTable[]): PlainTable[] =>
  tables.map(({ type, rows }) => ({ type, rows: rows.map(({ duration: _duration, ...rest }) => rest) }));

describe.each(readdirSync(FOLDER))('the answers of %s', (name) => {
  const { preset, time } = aboutCase(name);

  test('make the tables that are expected', async () => {
    const { url } = await presetServer(name);
    const { sampler, sampled } = await opened({ preset, url });
    const tables = await sampled(time);
    await sampler.close?.();
    // Addresses have a port that the system chose.
    const text = JSON.stringify(settled(tables)).replaceAll(url.replace('http://', ''), '127.0.0.1:80');
    expectGolden(`json/${name}/expected.json`, JSON.parse(text));
    expect(rowsOf(tables, 'json.table').map(({ problems }) => problems)).toEqual(rowsOf(tables, 'json.table').map(() => 0));
  });

  test('make types that the instance says it emits', async () => {
    const { url } = await presetServer(name);
    const { sampler, sampled } = await opened({ preset, url });
    const types = new Set(emitted(sensor, sensor.options.parse({ preset, url })).map(({ type }) => type));
    expect((await sampled(time)).filter(({ type }) => !types.has(type))).toEqual([]);
    await sampler.close?.();
  });
});

test('every preset has a case', () => {
  const cases = readdirSync(FOLDER).map((name) => aboutCase(name).preset);
  expect([...new Set(cases)].toSorted()).toEqual(PRESETS.map(({ name }) => name).toSorted());
});

test('calls of JSON-RPC go out as one request, or one by one, with the same result', async () => {
  const { url, asked } = await presetServer('ethereum');
  const [together, apart] = [await opened({ preset: 'ethereum', url }), await opened({ preset: 'ethereum', url, batch: false })];
  const time = aboutCase('ethereum').time;
  const [one, other] = [await together.sampled(time), await apart.sampled(time)];
  const made = (tables: PlainTable[]): PlainTable[] => tables.filter(({ type }) => type.startsWith('ethereum.'));
  expect(made(one)).toEqual(made(other));
  expect(asked).toHaveLength(12);
  await Promise.all([together.sampler.close?.(), apart.sampler.close?.()]);
});

describe("an operator's mapping", () => {
  const answer = {
    version: '2.1',
    queues: {
      'a/b': { depth: 3, oldest: '2023-11-14T22:13:10Z', state: 'running', big: '0xffffffffffffffffffff' },
      empty: { depth: null, state: 'flow' },
    },
  };
  const tables = {
    'app.queue': {
      rows: '/queues',
      attributes: { queue: '@key', version: '^/version' },
      fields: { depth: '/depth', age: { path: '/oldest', as: 'age' }, big: '/big' },
    },
    'app.queue.state': {
      rows: '$.queues.*',
      attributes: { queue: '@key' },
      states: { path: '/state', attribute: 'state', values: ['running', 'stopped'] },
    },
  };

  test('makes rows of the members of an object, of a path to many, and of states', async () => {
    const url = await httpServer((_request, response) => json(response, answer));
    const { sampler, sampled } = await opened({ url, tables });
    const got = await sampled();
    expect(rowsOf(got, 'app.queue')).toEqual([
      { queue: 'a/b', version: '2.1', depth: 3, age: 10, big: Number(0xffffffffffffffffffffn) },
    ]);
    expect(rowsOf(got, 'app.queue.state')).toEqual([
      { queue: 'a/b', state: 'running', active: 1 },
      { queue: 'a/b', state: 'stopped', active: 0 },
      { queue: 'empty', state: 'running', active: 0 },
      { queue: 'empty', state: 'stopped', active: 0 },
      { queue: 'empty', state: 'flow', active: 1 },
    ]);
    await sampler.close?.();
  });

  test('beside a preset adds to it, and under a name of its own replaces it', async () => {
    const { url } = await presetServer('elasticsearch');
    const own = {
      'elasticsearch.cluster.shards': { fields: { unassigned: '/health/unassigned_shards' } },
      'my.nodes': { fields: { nodes: '/health/number_of_nodes' } },
    };
    const { sampler, sampled } = await opened({ preset: 'elasticsearch', url, tables: own });
    const got = await sampled();
    expect(rowsOf(got, 'elasticsearch.cluster.shards')).toEqual([{ unassigned: 19 }]);
    expect(rowsOf(got, 'my.nodes')).toEqual([{ nodes: 3 }]);
    expect(rowsOf(got, 'elasticsearch.cluster').length).toBeGreaterThan(1);
    await sampler.close?.();
  });

  test('posts a body of its own', async () => {
    const url = await httpServer(async (request, response) =>
      json(response, { data: JSON.parse(await bodyOf(request)) as unknown }),
    );
    const requests = { query: { path: '/graphql', body: { query: '{ height }', n: 7 } } };
    const { sampler, sampled } = await opened({ url, requests, tables: { app: { fields: { n: '/query/data/n' } } } });
    expect(rowsOf(await sampled(), 'app')).toEqual([{ n: 7 }]);
    await sampler.close?.();
  });
});

describe('what goes wrong', () => {
  const tables = { app: { fields: { height: '/height', name: '/name' } } };

  test('is a row with its reason, said once and again when it is over', async () => {
    let answer: unknown = { height: 7 };
    let status = 500;
    const url = await httpServer((_request, response) => json(response, answer, status));
    const { sampler, said, sampled } = await opened({ url, tables });
    const failing = await sampled();
    await sampled();
    expect(rowsOf(failing, 'json.error')).toEqual([
      {
        'json.request': 'answer',
        'error.type': 'status',
        'error.message': `${new URL(url).host} answered with status 500`,
        failed: 1,
      },
    ]);
    expect(rowsOf(failing, 'json.request')).toMatchObject([{ up: 0, status: 500 }]);
    expect(rowsOf(failing, 'app')).toEqual([]);
    expect(said).toEqual([`requests: answer: ${new URL(url).host} answered with status 500`]);
    status = 200;
    expect(rowsOf(await sampled(), 'app')).toEqual([{ height: 7 }]);
    expect(said.at(-1)).toBe('requests: all is well again');
    answer = { height: 'tall' };
    expect(rowsOf(await sampled(), 'json.table')).toEqual([
      { 'json.table': 'app', 'error.message': 'height: "tall" is no number', rows: 0, problems: 1 },
    ]);
    expect(said.at(-1)).toBe('table app: height: "tall" is no number');
    await sampler.close?.();
  });

  test('with one request leaves the others', async () => {
    const url = await httpServer((request, response) =>
      request.url === '/good' ? json(response, { height: 7 }) : response.writeHead(200).end('<html>Bad gateway'),
    );
    const requests = { good: { path: '/good' }, bad: { path: 'bad' } };
    const { sampler, sampled } = await opened({
      url,
      requests,
      tables: { app: { fields: { height: '/good/height', other: '/bad/x' } } },
    });
    const got = await sampled();
    expect(rowsOf(got, 'app')).toEqual([{ height: 7 }]);
    expect(rowsOf(got, 'json.error')).toMatchObject([{ 'json.request': 'bad', 'error.type': 'not_json' }]);
    expect(String(rowsOf(got, 'json.error')[0]?.['error.message'])).toContain('it begins with "<html>Bad gateway"');
    await sampler.close?.();
  });

  test('is a server that is not there', async () => {
    const { sampler, sampled } = await opened({ url: `http://127.0.0.1:${await deadPort()}`, preset: 'bitcoin' });
    const got = await sampled();
    expect(rowsOf(got, 'json.error').map((row) => [row['json.request'], row['error.type']])).toEqual([
      ['chain', 'unreachable'],
      ['network', 'unreachable'],
      ['mempool', 'unreachable'],
    ]);
    expect(got.map(({ type }) => type)).toEqual(['json.request', 'json.error', 'json.table']);
    await sampler.close?.();
  });

  test('is an error of JSON-RPC with any status, a batch that is refused, an answer that lacks a call', async () => {
    let answer: (calls: { id: number; method: string }[]) => unknown = () => ({ error: { code: -32600, message: 'no batches' } });
    const url = await httpServer(async (request, response) =>
      json(response, answer(JSON.parse(await bodyOf(request)) as { id: number; method: string }[]), 500),
    );
    const requests = { a: { rpc: 'alpha' }, b: { rpc: 'beta' } };
    const { sampler, sampled } = await opened({ url, requests, tables: { app: { fields: { a: '/a', b: '/b' } } } });
    const errors = async (): Promise<unknown[]> => rowsOf(await sampled(), 'json.error').map((row) => row['error.message']);
    expect(await errors()).toEqual(['alpha: error -32600: no batches', 'beta: error -32600: no batches']);
    answer = ([first]) => [{ id: first?.id, result: '0x10' }];
    expect(await errors()).toEqual(['the answer has nothing for beta']);
    answer = ([first, second]) => [
      { id: second?.id, result: 2 },
      { id: first?.id, result: 1 },
    ];
    expect(rowsOf(await sampled(), 'app')).toEqual([{ a: 1, b: 2 }]);
    answer = () => ({ result: 3 });
    expect((await errors())[0]).toContain('set batch to false');
    answer = () => 'Internal error';
    expect((await errors())[0]).toContain('status 500');
    await sampler.close?.();
  });

  test('with too many rows is said, and as many are taken as may be', async () => {
    const url = await httpServer((_request, response) =>
      json(
        response,
        Array.from({ length: 50 }, (_, n) => ({ n })),
      ),
    );
    const { sampler, sampled } = await opened({
      url,
      max_rows: 10,
      tables: { app: { rows: '', attributes: { i: '@key' }, fields: { n: '/n' } } },
    });
    const got = await sampled();
    expect(rowsOf(got, 'app')).toHaveLength(10);
    expect(rowsOf(got, 'json.table')[0]?.['error.message']).toContain('50 are more than max_rows, 10');
    await sampler.close?.();
  });

  test('ends within the time of a sample', async () => {
    const url = await httpServer(() => {});
    const sampler = await open(sensor, fixtureHost('load/recorded'), { url, tables }, sensorContext({ timeout: 100 }));
    const got = await sample(sampler, NOW);
    expect(rowsOf(got, 'json.error')[0]?.['error.message']).toContain('within 90ms');
    await sampler.close?.();
  });
});

test('a token in a file is read again when the file changes, and a missing one is named', async () => {
  const file = join(temporaryFolder(), 'algod.token');
  const url = await httpServer((request, response) =>
    request.headers['x-algo-api-token'] === 'second' ? json(response, { height: 1 }) : json(response, {}, 401),
  );
  const { sampler, sampled } = await opened({
    url,
    headers: { 'X-Algo-API-Token': { file } },
    tables: { app: { fields: { height: '/height' } } },
  });
  const reason = async (): Promise<unknown> => rowsOf(await sampled(), 'json.error')[0]?.['error.message'];
  expect(await reason()).toBe(`the file ${file} is not there`);
  writeFileSync(file, 'first\n');
  expect(await reason()).toContain('status 401');
  writeFileSync(file, 'second\n');
  expect(await reason()).toBeUndefined();
  writeFileSync(file, 'sec\r\nond');
  expect(await reason()).toContain('no header can have');
  await sampler.close?.();
});

describe('options', () => {
  const refused = (options: object): string => {
    const result = sensor.options.safeParse(options);
    // What is within a union or a key is in there too.
    return result.success ? '' : JSON.stringify(result.error.issues);
  };
  const url = 'http://127.0.0.1:1';
  const app = (field: unknown): object => ({ url, tables: { app: { fields: { x: field } } } });

  test.each([
    [{ url }, 'give tables, or a preset'],
    [{ url: 'ftp://x', preset: 'algod' }, 'http:// or https://'],
    [{ url: 'http://u:p@x', preset: 'algod' }, 'give them with'],
    [{ url: 'here', preset: 'algod' }, 'expected a URL'],
    [app('height'), 'is no path'],
    [app('/a~2'), 'is written ~0'],
    [app('$[(@.length-1)]'), 'in place of a name'],
    [{ url, tables: { 'json.x': { fields: { x: '/x' } } } }, 'are taken'],
    [{ url, tables: { app: {} } }, 'needs fields, or states'],
    [{ url, preset: 'algod', requests: { a: { rpc: 'x', path: '/y' } } }, 'goes to the URL itself'],
    [{ url, preset: 'algod', requests: { a: { params: [] } } }, 'give rpc'],
    [{ url, preset: 'algod', bearer: 'x', basic: { username: 'u', password: 'p' } }, 'not both'],
    [{ url, preset: 'algod', headers: { 'a b': 'x' } }, 'name of a header'],
  ])('%o are refused', (options, why) => {
    expect(refused(options)).toContain(why);
  });

  test('may be no more than a preset and a URL', () => {
    expect(refused({ url, preset: 'algod' })).toBe('');
  });
});
