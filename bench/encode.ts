/** Encoding against JSON.stringify of the same samples as plain objects, and fan-out on the bus. One process, CPU bound. */
import { Bus } from '../src/bus.ts';
import { toDecoded } from '../src/codec/format.ts';
import { JsonEncoder } from '../src/codec/json.ts';
import { MsgpackEncoder } from '../src/codec/msgpack.ts';
import { counter, createSource, defineSchema, TideEvent } from '../src/event.ts';
import type { Figure } from './measure.ts';

const schema = defineSchema({
  type: 'system.disk',
  doc: 'Ten disks.',
  attributes: ['system.device', 'disk.io.direction'],
  fields: { io: counter('By', ''), operations: counter('{operation}', ''), operation_time: counter('s', '') },
});

/** Events of the same rows whose values all change, as in a running service. */
function events(count: number): TideEvent[] {
  const source = createSource({ agent: 'edge-7', run: 'bench', sensor: 'disk', host: 'edge-7', labels: { env: 'prod' } });
  let layout: TideEvent['table']['layout'] | undefined;
  return Array.from({ length: count }, (_, n) => {
    const table = schema.table();
    for (let disk = 0; disk < 10; disk++) {
      for (const direction of ['read', 'write']) {
        table.add([`sd${disk}`, direction], {
          io: 512 * (n * 7919 + disk * 104_729),
          operations: n * 31 + disk,
          operation_time: (n * 17 + disk) / 1000,
        });
      }
    }
    const sealed = table.seal(layout);
    layout = sealed.layout;
    return new TideEvent(source, n + 1, 1_763_856_000_000 + n * 1000, sealed);
  });
}

/** The same samples as most programs hold them: an object a value. */
function plainObjects(event: TideEvent): object[] {
  const { id, type, time, host, labels, rows, attributes, fields } = toDecoded(event);
  return Object.entries(fields).flatMap(([field, { kind, unit, values }]) =>
    Array.from({ length: rows }, (_, r) => ({
      id,
      name: `${type}.${field}`,
      time,
      host,
      labels,
      kind,
      unit,
      attributes: {
        'system.device': attributes['system.device']?.[r],
        'disk.io.direction': attributes['disk.io.direction']?.[r],
      },
      value: values[r],
    })),
  );
}

function microseconds(runs: number, work: (i: number) => void): number {
  for (let i = 0; i < runs; i++) work(i);
  const start = process.hrtime.bigint();
  for (let i = 0; i < runs; i++) work(i);
  return Number(process.hrtime.bigint() - start) / 1000 / runs;
}

export function encode(): Figure[] {
  const samples = events(1000);
  const objects = samples.map(plainObjects);
  const [json, msgpack] = [new JsonEncoder(), new MsgpackEncoder()];
  let bytes = 0;
  const at = (i: number): TideEvent => samples[i % samples.length] as TideEvent;
  const stringify = microseconds(20_000, (i) => {
    bytes += Buffer.byteLength(JSON.stringify(objects[i % objects.length]));
  });
  const asJson = microseconds(20_000, (i) => {
    bytes += Buffer.byteLength(json.encode(at(i)));
  });
  const asMsgpack = microseconds(20_000, (i) => {
    bytes += msgpack.encode(at(i)).length;
  });
  return [
    { what: 'JSON.stringify of 60 samples as plain objects', value: stringify, unit: 'µs' },
    { what: 'JSON, times as fast', value: stringify / asJson, unit: '×', atLeast: 3 },
    { what: 'MessagePack, times as fast', value: stringify / asMsgpack, unit: '×', atLeast: 5 },
    { what: 'fan-out, an event and sink', value: fanOut(samples), unit: 'µs', atMost: 1 },
  ].map((figure) => (bytes > 0 ? figure : { ...figure, value: Number.NaN }));
}

function fanOut(samples: readonly TideEvent[]): number {
  const sinks = 8;
  let taken = 0;
  const bus = new Bus(() => {});
  for (let s = 0; s < sinks; s++)
    bus.subscribe(() => {
      taken++;
    });
  const per = microseconds(100_000, (i) => bus.publish(samples[i % samples.length] as TideEvent)) / sinks;
  return taken > 0 ? per : Number.NaN;
}
