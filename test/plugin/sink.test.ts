/** A sink of one's own in its worker: what it is given, and how little its faults do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeJson } from '../../src/codec/decode.ts';
import { JsonEncoder } from '../../src/codec/json.ts';
import { createSource, defineSchema, gauge, TideEvent } from '../../src/event.ts';
import { pluginSink } from '../../src/plugin/sink.ts';
import { BatchPacker, BatchUnpacker } from '../../src/plugin/tables.ts';
import type { SinkDefinition } from '../../src/sink.ts';
import { plugins } from './support.ts';

const { sink: file, folder } = plugins();
const level = defineSchema({
  type: 'own.level',
  doc: 'L.',
  attributes: ['place'],
  fields: { level: gauge('m', ''), lag: gauge('s', '') },
});
const source = createSource({ agent: 'a', run: 'r', sensor: 's', host: 'h', labels: { env: 'test' } });
const event = (n: number, place = 'pier'): TideEvent =>
  new TideEvent(
    source,
    n,
    1000 * n,
    level.table().add([place], { level: n, lag: undefined }).add(['b'], { level: 2, lag: 3 }).seal(),
  );

async function open(what: string) {
  const path = join(folder, `${what}.ndjson`);
  const definition = (await pluginSink(file)) as SinkDefinition;
  const warned: string[] = [];
  const context = { name: 'out', stateDir: folder, warn: (message: string) => void warned.push(message) };
  const sink = definition.open(context, definition.options.parse({ path, what }));
  await sink.connect(new AbortController().signal);
  return { sink, path };
}

describe("a plugin's sink", () => {
  test('is given events as they are, batch after batch', async () => {
    const { sink, path } = await open('ok');
    const batches = [
      [event(1), event(2)],
      [event(3), event(4, 'quay')],
    ];
    for (const batch of batches) await sink.write(batch, new AbortController().signal);
    await sink.close();
    const encoder = new JsonEncoder();
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines).toEqual(batches.flat().map((each) => String(encoder.encode(each))));
    expect(decodeJson(lines[3] as string).id).toBe('a/r/s/4');
  });

  test('says what happens next by its errors', async () => {
    const { sink } = await open('reject');
    const error = await sink.write([event(1)], new AbortController().signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'SinkError', code: 'rejected', message: 'too salty', confirmed: new Set([0]) });
    await sink.close();
  });

  test('that does not heed its deadline is ended, and connects anew', async () => {
    const { sink } = await open('loop');
    const controller = new AbortController();
    const written = sink.write([event(1)], controller.signal);
    controller.abort();
    await expect(written).rejects.toMatchObject({ code: 'transient' });
    await sink.close();
    await sink.connect(new AbortController().signal);
    await sink.close();
  });
});

test('what a batch refers to is forgotten on both sides when it was not used for long', () => {
  const [packer, unpacker] = [new BatchPacker(), new BatchUnpacker()];
  const encoder = new JsonEncoder();
  let forgotten = 0;
  for (let n = 1; n <= 1500; n++) {
    const packed = packer.pack([event(n, `place ${n % 700}`)]);
    forgotten += packed.forget.layouts.length;
    const [made] = unpacker.unpack(structuredClone(packed));
    expect(encoder.encode(made as TideEvent)).toEqual(encoder.encode(event(n, `place ${n % 700}`)));
  }
  expect(forgotten).toBeGreaterThan(900);
});
