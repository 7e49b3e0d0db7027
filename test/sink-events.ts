/** Events for tests of sinks: usual ones, hard ones, one that nothing can encode; and what a reader must find of them. */
import { type DecodedEvent, toDecoded } from '../src/codec/format.ts';
import { type Cells, counter, createSource, defineSchema, gauge, TideEvent, updowncounter } from '../src/event.ts';

const about = { agent: 'agent', run: 'run', host: 'höst "1"', labels: { env: 'prod', 'a b': '\n' } };
export const source = createSource({ ...about, sensor: 'disk' });
const oddSource = createSource({ ...about, sensor: 'odd' });

const disk = defineSchema({
  type: 'system.disk',
  doc: 'Disks.',
  attributes: ['system.device', 'disk.io.direction'],
  fields: { io: counter('By', 'Bytes.'), operations: counter('{operation}', 'Requests.'), operation_time: counter('s', 'Time.') },
});

const odd = defineSchema({
  type: 'scrape.series',
  doc: 'Values and cells that are hard to carry.',
  attributes: ['name', 'labels'],
  maps: ['labels'],
  fields: { value: gauge('1', 'Any number.'), other: updowncounter('By', 'Any number or none.') },
});

/** An event with that many rows, told apart from others by `n`. */
export function diskEvent(n: number, rows = 2): TideEvent {
  const table = disk.table();
  for (let r = 0; r < rows; r++) {
    table.add([`sd${r}`, r % 2 ? 'write' : 'read'], { io: 4096 * n + r, operations: n, operation_time: n / 8 });
  }
  return new TideEvent(source, n, 1_763_856_000_000 + n * 0.25, table.seal());
}

/** Events numbered from `first`. */
export const diskEvents = (count: number, first = 1): TideEvent[] =>
  Array.from({ length: count }, (_, i) => diskEvent(first + i));

/** Values and characters that an encoding may stumble over. */
export function oddEvent(n: number): TideEvent {
  const numbers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, 2 ** 53, 4294967296, 255, 0.1];
  const cells: Cells<['name', 'labels'], 'labels'>[] = [
    ['', {}],
    ['line\nfeed\r\0\u2028', { le: '+Inf', 'q"': "'\\" }],
    ['\u00e9\u{1f30a}\u202e', { '\u{1f30a}': '' }],
  ];
  const table = odd.table();
  numbers.forEach((value, r) => {
    table.add(cells[r % cells.length] as Cells<['name', 'labels'], 'labels'>, { value, other: r % 2 ? undefined : -value });
  });
  return new TideEvent(oddSource, n, 0, table.seal());
}

/** An event that no encoder can encode: reading its table throws. */
export function poisonEvent(): TideEvent {
  const event = diskEvent(13);
  const get = (): never => {
    throw new TypeError('poison');
  };
  Object.defineProperty(event, 'table', { value: new Proxy(event.table, { get }) });
  Object.defineProperty(event, 'type', { value: 'system.disk' });
  return event;
}

/** What a reader must find when exactly these were delivered. */
export const decoded = (events: readonly TideEvent[]): DecodedEvent[] => events.map(toDecoded);

/** A signal that never aborts. */
export const patient = (): AbortSignal => new AbortController().signal;
