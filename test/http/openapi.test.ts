/** The document of the API says what the running service does: every path, every status that can be had, every body. */
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import type { DeadLetter } from '../../src/delivery/dead-letters.ts';
import { Entry } from '../../src/delivery/entry.ts';
import { openLevelStore } from '../../src/delivery/level-store.ts';
import { StoreError } from '../../src/delivery/store.ts';
import { temporaryFolder } from '../temporary.ts';
import { serving, TOKEN } from './service.ts';

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const letter: DeadLetter = {
  number: 7,
  reason: 'too large',
  time: 1,
  entry: new Entry(
    {
      id: 'a/r/s/1',
      type: 't',
      time: 0,
      agent: 'a',
      host: 'h',
      sensor: 's',
      body: Buffer.from('{}'),
      lane: 0,
      run: 'r',
      n: 1,
      contentType: 'application/json',
    },
    0,
  ),
};

/** Every request that is sent: method and path of the document, what stands for its parameters, a body, and the status that is expected. */
const REQUESTS: readonly (readonly [string, string, string, unknown, number])[] = [
  ['get', '/livez', '/livez', undefined, 200],
  ['get', '/readyz', '/readyz', undefined, 200],
  ['get', '/metrics', '/metrics', undefined, 200],
  ['get', '/api/status', '/api/status', undefined, 200],
  ['get', '/api/history', '/api/history', undefined, 200],
  ['get', '/api/config', '/api/config', undefined, 200],
  ['get', '/api/events', '/api/events?limit=x', undefined, 400],
  ['get', '/api/sinks/{sink}/spool', '/api/sinks/broker/spool', undefined, 200],
  ['get', '/api/sinks/{sink}/spool', '/api/sinks/file/spool', undefined, 404],
  ['get', '/api/sinks/{sink}/spool/entries', '/api/sinks/broker/spool/entries?limit=1', undefined, 200],
  ['get', '/api/sinks/{sink}/dead', '/api/sinks/broker/dead?events=1', undefined, 200],
  ['get', '/api/sinks/{sink}/dead', '/api/sinks/broker/dead?events=x', undefined, 400],
  ['get', '/api/sinks/{sink}/item', '/api/sinks/broker/item?which=7', undefined, 200],
  ['get', '/api/sinks/{sink}/item', '/api/sinks/broker/item?which=8', undefined, 404],
  ['get', '/api/sinks/{sink}/item', '/api/sinks/broker/item', undefined, 400],
  ...['pause', 'resume', 'probe'].flatMap((what) => [
    ['post', `/api/sinks/{sink}/${what}`, `/api/sinks/broker/${what}`, undefined, 200] as const,
    ['post', `/api/sinks/{sink}/${what}`, `/api/sinks/nothing/${what}`, undefined, 404] as const,
  ]),
  ['post', '/api/sinks/{sink}/drain', '/api/sinks/broker/drain', { rate: 'auto', byte_rate: '4MiB' }, 200],
  ['post', '/api/sinks/{sink}/drain', '/api/sinks/broker/drain', { rate: 0 }, 400],
  ['post', '/api/sinks/{sink}/dead/retry', '/api/sinks/broker/dead/retry', { numbers: 'all' }, 200],
  ['post', '/api/sinks/{sink}/dead/discard', '/api/sinks/broker/dead/discard', { numbers: [7] }, 200],
  ['post', '/api/sinks/{sink}/dead/discard', '/api/sinks/broker/dead/discard', {}, 400],
  ['post', '/api/sinks/{sink}/spool/discard', '/api/sinks/broker/spool/discard', { numbers: 'all' }, 200],
  ['post', '/api/sinks/{sink}/spool/discard', '/api/sinks/broker/spool/discard', { numbers: [1] }, 400],
  ['post', '/api/reload', '/api/reload', undefined, 200],
  ['post', '/api/log', '/api/log', { level: 'debug' }, 200],
  ['post', '/api/log', '/api/log', { level: 'loud' }, 400],
];

async function served() {
  const { store } = await openLevelStore(join(temporaryFolder(), 'spool'), { minFree: 0, ballast: 0 });
  onTestFinished(async () => await store.close());
  const service = await serving(`token: ${TOKEN}`, { letters: [letter], store });
  const document = (await (await service.ask('/api/openapi.json')).json()) as Document;
  return { ...service, document };
}

/** A schema of the document, with those that it refers to. */
function checkerOf(schema: object, { components }: Document): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: components.schemas }).replaceAll('#/components/schemas/', '#/$defs/');
  return z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
}

describe('/api/openapi.json', () => {
  it('is of OpenAPI 3.1, and has no operation that is not tried here, nor one here that it has not', async () => {
    const { document } = await served();
    expect(document.openapi).toBe('3.1.0');
    const has = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    );
    expect(has.toSorted()).toEqual([...new Set(REQUESTS.map(([method, path]) => `${method} ${path}`))].toSorted());
  });

  it.each(REQUESTS)(
    '%s %s: as %s with %o answers %i, with the body that is declared',
    async (method, path, target, body, status) => {
      const { document, ask, post } = await served();
      const operation = document.paths[path]?.[method] as Operation;
      const response = method === 'post' ? await post(target, body) : await ask(target);
      const text = await response.text();
      expect(response.status, text).toBe(status);
      const { content = {} } = operation.responses[status] ?? {};
      const [type = '', { schema } = { schema: {} }] = Object.entries(content)[0] ?? [];
      expect(response.headers.get('content-type')?.replaceAll(' ', '')).toContain(type.replaceAll(' ', '').split(';')[0]);
      if (type !== 'application/json') return expect(schema).toEqual({ type: 'string' });
      expect(checkerOf(schema, document).safeParse(JSON.parse(text)).error).toBeUndefined();
    },
  );

  it('would find a body that is another', async () => {
    const { document } = await served();
    const schema = document.paths['/api/status']?.['get']?.responses['200']?.content?.['application/json']?.schema as object;
    expect(checkerOf(schema, document).safeParse({ condition: 'well' }).success).toBe(false);
  });

  it('declares the refusals that every change may have', async () => {
    const { document } = await served();
    for (const [path, operations] of Object.entries(document.paths)) {
      const { post } = operations;
      if (post) expect(Object.keys(post.responses), path).toEqual(expect.arrayContaining(['200', '401', '403']));
    }
  });
});

describe('an action', () => {
  it('is logged once, with who did it', async () => {
    const { post, log, deeds, setLevel, reload } = await served();
    await post('/api/sinks/broker/pause');
    await post('/api/sinks/broker/drain', { rate: 5 });
    await post('/api/sinks/broker/dead/retry', { numbers: 'all' });
    await post('/api/log', { level: 'debug' });
    reload.mockResolvedValueOnce('tidegate.yaml:1:1: what is wrong');
    const refused = await post('/api/reload');
    expect([refused.status, await refused.json()]).toEqual([422, { error: 'tidegate.yaml:1:1: what is wrong' }]);
    expect(deeds).toEqual(['pause', 'drain {"rate":5}', 'retry 7']);
    expect(setLevel.mock.calls).toEqual([['debug']]);
    const by = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    expect(log.info.mock.calls).toEqual([
      [{ by, sink: 'broker' }, 'an operator: pause'],
      [{ by, sink: 'broker', rate: 5 }, 'an operator: drain'],
      [{ by, sink: 'broker', events: 1 }, 'an operator: dead/retry'],
      [{ by, least: 'debug' }, 'an operator: log level'],
      [{ by }, 'an operator: reload'],
    ]);
  });

  it('that fails is logged once with why', async () => {
    const { post, log, agent } = await served();
    const discard = async (): Promise<number> => await Promise.reject(new StoreError('full', 'no space left on device'));
    Object.assign(agent.delivery('broker')?.operations ?? {}, { discard });
    const response = await post('/api/sinks/broker/dead/discard', { numbers: [7] });
    expect([response.status, await response.json()]).toEqual([503, { error: 'no space left on device' }]);
    const by = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    expect(log.info.mock.calls).toEqual([
      [{ by, sink: 'broker', failed: 'no space left on device' }, 'an operator: dead/discard'],
    ]);
  });
});
