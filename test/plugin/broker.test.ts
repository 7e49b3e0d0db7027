/** A sink to a broker of one's own in its worker: its options, its connections, and how little its faults do. Delivery around it: service.test.ts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { deliver, events } from '../../src/authors/testing.ts';
import type { Broker, BrokerDefinition, Message } from '../../src/broker.ts';
import { systemClock } from '../../src/clock.ts';
import { loadConfig } from '../../src/config/load.ts';
import { defineSchema, gauge } from '../../src/event.ts';
import { findPlugins } from '../../src/plugin/find.ts';
import { pluginSink } from '../../src/plugin/sink.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const FERRY = `import { appendFileSync } from 'node:fs';
import { defineBroker, SinkError, z } from 'tidegate/sink';
export default defineBroker({
  name: 'ferry', summary: 'Over the water.',
  options: z.strictObject({ path: z.string().refine((path) => path.startsWith('/'), 'expected an absolute path').describe('The file.'), what: z.string().default('ok') }),
  destinations: ({ path }) => [path],
  openBroker(context, { path, what }) {
    let n = 0;
    return {
      async connect() {
        const number = ++n;
        return {
          async write(batch, signal) {
            if (what === 'loop') for (;;);
            if (what === 'crash') process.exit(3);
            if (what === 'blocked') { context.blocked('low tide'); throw new SinkError('blocked', 'low tide'); }
            if (what === 'reject') throw new SinkError('rejected', 'too heavy', { confirmed: new Set([0]) });
            appendFileSync(path, batch.map(({ id, seq, body }) => [number, id, seq, body].join(' ') + '\\n').join(''));
          },
          async close() { appendFileSync(path, 'closed ' + number + '\\n'); },
        };
      },
      async close() { appendFileSync(path, 'ended\\n'); },
    };
  },
});
`;
const folder = temporaryFolder();
writeFiles(folder, {
  'sinks/ferry.ts': FERRY,
  'bad/sinks/taken.ts': `import { defineBroker, z } from 'tidegate/sink';
    export default defineBroker({ name: 'taken', summary: 'x', options: z.strictObject({ lanes: z.int() }), openBroker() {} });`,
});
const ferry = async (from = '.'): Promise<BrokerDefinition> => {
  const [file] = findPlugins(from, folder, 128 * 2 ** 20);
  return (await pluginSink(file as never)) as BrokerDefinition;
};
const message = (n: number): Message => ({
  id: `a/r/s/${n}`,
  type: 't',
  time: n,
  agent: 'a',
  host: 'h',
  sensor: 's',
  contentType: 'application/json',
  body: Buffer.from(`{"n":${n}}`),
  lane: 0,
  seq: `r/0/${n}`,
  backfill: false,
});
const { signal } = new AbortController();
let turn = 0;

async function open(what: string): Promise<{ broker: Broker; path: string; asked: (string | undefined)[] }> {
  const path = join(folder, `out-${++turn}.txt`);
  const asked: (string | undefined)[] = [];
  const blocked = (reason: string | undefined): void => void asked.push(reason);
  const definition = await ferry();
  const context = { name: 'ferry', agent: 'a', clock: systemClock, warn: () => {}, blocked };
  const broker = definition.openBroker(context, definition.options.parse({ path, what }));
  onTestFinished(() => broker.close());
  return { broker, path, asked };
}

describe('options', () => {
  test('are its own and those of every sink to a broker', async () => {
    const { options, verify, destinations } = await ferry();
    const parsed = options.parse({ path: '/x', spool: { max_bytes: '1MiB' }, lanes: 2 }) as { [name: string]: unknown };
    expect(parsed).toMatchObject({ path: '/x', what: 'ok', lanes: 2, format: 'json', spool: { max_bytes: 2 ** 20 } });
    expect(await verify?.(parsed)).toEqual([]);
    expect(destinations?.(parsed)).toEqual(['/x']);
    expect(await verify?.({ ...parsed, path: 'x' })).toMatchObject([{ path: ['path'], message: 'expected an absolute path' }]);
    expect(options.safeParse({ path: '/x', depth: 1 }).success).toBe(false);
  });

  test('that have the name of one of those are refused', async () => {
    await expect(ferry('bad')).rejects.toThrow('every sink to a broker has an option "lanes" already');
  });

  test('of two sinks that lead to one place are refused', async () => {
    const file = join(folder, 'tidegate.yaml');
    writeFiles(folder, {
      'tidegate.yaml':
        'plugins: [.]\nsensors: { load: {} }\nsinks:\n  ferry: { path: /x }\n  other: { type: ferry, path: /x }\n  third: { type: ferry, path: /y }\n',
    });
    const error = await loadConfig(file, {}, { hostName: 'h' }).catch((thrown: unknown) => thrown);
    const { mistakes } = error as { mistakes: { line: number; what: string }[] };
    expect(mistakes.map(({ line }) => line)).toEqual([5]);
    expect(mistakes[0]?.what).toContain('/x');
  });
});

describe('connections', () => {
  test('are several of one worker, and get messages as they are', async () => {
    const { broker, path } = await open('ok');
    const [one, other] = await Promise.all([broker.connect(signal), broker.connect(signal)]);
    await one.write([message(1), message(2)], signal);
    await other.write([message(3)], signal);
    await one.close();
    await expect(one.write([message(4)], signal)).rejects.toMatchObject({ code: 'transient' });
    await broker.close();
    expect(readFileSync(path, 'utf8').trim().split('\n')).toEqual([
      '1 a/r/s/1 r/0/1 {"n":1}',
      '1 a/r/s/2 r/0/2 {"n":2}',
      '2 a/r/s/3 r/0/3 {"n":3}',
      'closed 1',
      'closed 2',
      'ended',
    ]);
  });

  test('say what happens next by their errors', async () => {
    const { broker } = await open('reject');
    const failed = (await broker.connect(signal)).write([message(1), message(2)], signal);
    await expect(failed).rejects.toMatchObject({ code: 'rejected', message: 'too heavy', confirmed: new Set([0]) });
  });

  test('that ask to wait are heard, until their worker ends', async () => {
    const { broker, asked } = await open('blocked');
    await expect((await broker.connect(signal)).write([message(1)], signal)).rejects.toMatchObject({ code: 'blocked' });
    expect(asked).toEqual(['low tide']);
  });

  test('fail with their worker, and are opened in another', async () => {
    const { broker, asked } = await open('crash');
    const connection = await broker.connect(signal);
    await expect(connection.write([message(1)], signal)).rejects.toMatchObject({ code: 'transient' });
    await expect(connection.write([message(1)], signal)).rejects.toThrow('code 3');
    await connection.close();
    expect(asked).toEqual([undefined]);
    await (await broker.connect(signal)).close();
  });

  test('that do not heed their deadline are ended, and opened anew', async () => {
    const { broker } = await open('loop');
    const connection = await broker.connect(signal);
    const controller = new AbortController();
    const written = connection.write([message(1)], controller.signal);
    controller.abort();
    await expect(written).rejects.toMatchObject({ code: 'transient' });
    await (await broker.connect(signal)).close();
  });
});

test('`deliver` of tidegate/testing gives it numbered messages', async () => {
  const sent: Message[] = [];
  const definition: BrokerDefinition = {
    ...(await ferry()),
    openBroker: () => ({
      connect: async () => ({ write: async (batch) => void sent.push(...batch), close: async () => {} }),
      close: async () => {},
    }),
  };
  const schema = defineSchema({ type: 'tide', doc: 'T.', attributes: [], fields: { level: gauge('m', 'L.') } });
  await deliver(definition, events([schema.table().add([], { level: 1 }), schema.table().add([], { level: 2 })]), {
    options: { path: '/x' },
  });
  expect(sent.map(({ id, seq }) => [id, seq])).toEqual([
    ['test/run/test/1', 'run/0/1'],
    ['test/run/test/2', 'run/0/2'],
  ]);
  expect(JSON.parse(String(sent[0]?.body))).toMatchObject({ type: 'tide' });
});
