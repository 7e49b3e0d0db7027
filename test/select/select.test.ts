/** What sinks take of events: rows, fields, every nth sample or one a period, with what was made of the others; against a naive model. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonEncoder } from '../../src/codec/json.ts';
import { sinkCommon } from '../../src/config/schema.ts';
import { counter, createSource, defineSchema, gauge, type Source, TideEvent, updowncounter } from '../../src/event.ts';
import { selector } from '../../src/select/select.ts';
import { SEED, valueSchema } from '../events.ts';
import { type PlainRow, plain } from '../support.ts';

const disk = defineSchema({
  type: 'system.disk',
  doc: 'A disk.',
  attributes: ['device', 'direction'],
  fields: { io: counter('By', 'Bytes.'), used: updowncounter('By', 'Bytes.'), heat: gauge('Cel', 'Heat.') },
});
const sourceOf = (sensor: string): Source => createSource({ agent: 'a', run: 'r', sensor, host: 'h', labels: {} });

interface Row {
  readonly device: string;
  readonly direction: string;
  readonly io: number | undefined;
  readonly used: number | undefined;
  readonly heat: number | undefined;
}
/** A sample is a time and its events, each of some rows. */
interface Sample {
  readonly time: number;
  readonly events: readonly (readonly Row[])[];
}

const row = (device: string, io: number | undefined, heat?: number, used?: number): Row => ({
  device,
  direction: 'read',
  io,
  heat,
  used,
});

/** What a sink with these options, as an operator writes them, gets of these samples. */
function taken(
  options: object,
  samples: readonly Sample[],
  sensor = 'disk',
): { time: number; n: number; type: string; rows: PlainRow[] }[] {
  const got: ReturnType<typeof taken> = [];
  const take = selector(sinkCommon.parse(options), (event) =>
    got.push({ time: event.time, n: event.n, type: event.type, rows: plain(event.table).rows }),
  );
  let n = 0;
  const source = sourceOf(sensor);
  let layout: Parameters<ReturnType<typeof disk.table>['seal']>[0];
  for (const { time, events } of samples)
    for (const rows of events) {
      const table = disk.table();
      for (const { device, direction, ...values } of rows) table.add([device, direction], values);
      const sealed = table.seal(layout);
      layout = sealed.layout;
      take(new TideEvent(source, ++n, time, sealed));
    }
  return got;
}

const each = (...values: number[]): Sample[] =>
  values.map((value, i) => ({ time: i * 1000, events: [[row('sda', value, value)]] }));

describe('rows and fields', () => {
  test('those that fit all patterns; tables without the attribute are whole', () => {
    const samples = [{ time: 0, events: [[row('sda', 1), row('nvme0', 2), row('loop1', 3)]] }];
    const devices = (options: object): unknown[] =>
      taken(options, samples).flatMap(({ rows }) => rows.map(({ device }) => device));
    expect(devices({ rows: { device: ['sd*', 'nvme*'] } })).toEqual(['sda', 'nvme0']);
    expect(devices({ rows: { device: '!loop*' } })).toEqual(['sda', 'nvme0']);
    expect(devices({ rows: { device: '*', direction: 'write' } })).toEqual([]);
    expect(devices({ rows: { interface: 'eth0' } })).toEqual(['sda', 'nvme0', 'loop1']);
    expect(taken({ rows: { device: 'none' } }, samples), 'an event without rows is not sent').toEqual([]);
  });

  test('labels of a scraped series, by name', () => {
    const scraped = defineSchema({
      type: 'scraped',
      doc: '',
      attributes: ['name', 'labels'],
      maps: ['labels'],
      fields: { value: gauge('1', '') },
    });
    const got: PlainRow[] = [];
    const take = selector(sinkCommon.parse({ rows: { name: 'http_*', 'labels.code': '5??' } }), ({ table }) =>
      got.push(...plain(table).rows),
    );
    const table = scraped.table();
    table
      .add(['http_requests', { code: '500' }], { value: 1 })
      .add(['http_requests', { code: '200' }], { value: 2 })
      .add(['http_x', {}], { value: 3 });
    take(new TideEvent(sourceOf('s'), 1, 0, table.seal()));
    expect(got).toEqual([{ name: 'http_requests', labels: { code: '500' }, value: 1 }]);
  });

  test('fields by the names of metrics; an event without any is not sent', () => {
    expect(taken({ fields: ['system.disk.io'] }, each(5))[0]?.rows).toEqual([{ device: 'sda', direction: 'read', io: 5 }]);
    expect(taken({ fields: ['!*.io'] }, each(5))[0]?.rows).toEqual([{ device: 'sda', direction: 'read', heat: 5 }]);
    expect(taken({ fields: ['other.*'] }, each(5))).toEqual([]);
  });

  test('an event that is taken whole is the same event', () => {
    const event = new TideEvent(sourceOf('s'), 1, 0, valueSchema.table().add(['x'], { value: 1 }).seal());
    const got: TideEvent[] = [];
    for (const options of [{}, { every: 1 }, { fields: '*' }, { rows: { other: 'x' } }])
      selector(sinkCommon.parse(options), (one) => got.push(one))(event);
    expect(got.map((one) => one === event)).toEqual([true, true, true, true]);
  });
});

test('what is passed on is encoded as what it is, by an encoder that has seen the whole as well', () => {
  const encoder = new JsonEncoder();
  const whole = new TideEvent(sourceOf('s'), 1, 0, disk.table().add(['sda', 'read'], { io: 1, used: 2, heat: undefined }).seal());
  const decoded = (event: TideEvent): object => (JSON.parse(encoder.encode(event)) as { fields: object }).fields;
  expect(Object.keys(decoded(whole))).toEqual(['io', 'used', 'heat']);
  selector(sinkCommon.parse({ every: 2, aggregate: ['max'] }), (event) => {
    expect(decoded(event)).toMatchObject({
      io: { values: [1] },
      'used.max': { kind: 'gauge', unit: 'By', values: [2] },
      'heat.max': { values: [null] },
    });
  })(whole);
  expect.assertions(2);
});

describe('every', () => {
  const times = (options: object, samples: readonly Sample[]): number[] => taken(options, samples).map(({ time }) => time);

  test('nth sample, beginning with the first', () => {
    expect(times({ every: 3 }, each(1, 2, 3, 4, 5, 6, 7, 8))).toEqual([0, 3000, 6000]);
  });

  test('first sample of each period of the wall clock, also when that is set back or stands still for long', () => {
    const at = (...all: number[]): Sample[] => all.map((time) => ({ time, events: [[row('sda', 1)]] }));
    expect(times({ every: '10s' }, at(7000, 9000, 11_000, 12_000, 19_999, 20_000, 55_000, 59_000, 60_000))).toEqual([
      7000, 11_000, 20_000, 55_000, 60_000,
    ]);
    expect(times({ every: '10s' }, at(25_000, 5000, 6000, 11_000))).toEqual([25_000, 5000, 11_000]);
  });

  test('the events of one sample go together', () => {
    const two = (time: number): Sample => ({ time, events: [[row('sda', time)], [row('sdb', time)]] });
    const got = taken({ every: 2 }, [two(0), two(1), two(2)]);
    expect(got.map(({ n, rows }) => [n, rows[0]?.['device']])).toEqual([
      [1, 'sda'],
      [2, 'sdb'],
      [5, 'sda'],
      [6, 'sdb'],
    ]);
  });

  test('min, max and mean of what was skipped are fields of their own, and counters are as they are', () => {
    const got = taken({ every: 3, aggregate: ['last', 'min', 'max', 'mean'] }, each(10, 1, 6, 5));
    expect(got.map(({ rows }) => rows)).toEqual([
      [{ device: 'sda', direction: 'read', io: 10, heat: 10, 'heat.min': 10, 'heat.max': 10, 'heat.mean': 10 }],
      [{ device: 'sda', direction: 'read', io: 5, heat: 5, 'heat.min': 1, 'heat.max': 6, 'heat.mean': 4 }],
    ]);
    expect(taken({ every: 3, aggregate: ['max'] }, each(10, 1, 6, 5)).at(-1)?.rows).toEqual([
      { device: 'sda', direction: 'read', io: 5, 'heat.max': 6 },
    ]);
  });

  test('by type, where the first pattern that fits stands for all', () => {
    const options = { every: 4, by_type: { 'system.d*': { every: 2 }, 'system.*': {} } };
    expect(times(options, each(1, 2, 3, 4, 5))).toEqual([0, 2000, 4000]);
    expect(times({ every: 4, by_type: { 'other.*': { every: 2 } } }, each(1, 2, 3, 4, 5))).toEqual([0, 4000]);
    expect(times({ select: ['!system.*'], by_type: { 'system.d*': { every: 2 } } }, each(1, 2))).toEqual([]);
  });

  test.each([
    [{ every: '10' }, /no period/],
    [{ every: 0 }, /no number of samples/],
    [{ every: 1.5 }, /a period has a unit/],
    [{ every: '10ms' }, /no period from 1s/],
    [{ aggregate: ['max'] }, /give every too/],
    [{ by_type: { x: { aggregate: ['max'] } } }, /give every too/],
    [{ every: 2, aggregate: ['median'] }, /aggregate/],
  ])('%j is refused', (options, message) => {
    expect(sinkCommon.safeParse(options).error?.message).toMatch(message);
  });
});

/** The same, seen from the end: which samples pass, and for each row all that was there since the one before. */
function naive(
  { every, aggregate, device }: { every: number | string; aggregate: string[] | undefined; device: string },
  samples: readonly Sample[],
) {
  const passing: number[] = [];
  samples.forEach(({ time }, i) => {
    const last = passing.at(-1);
    if (last === undefined) passing.push(i);
    else if (
      typeof every === 'number'
        ? i - last >= every
        : Math.floor(time / 5000) !== Math.floor((samples[i - 1] as Sample).time / 5000)
    )
      passing.push(i);
  });
  return passing.flatMap((i, p) => {
    const skipped = samples.slice(p === 0 ? 0 : (passing[p - 1] as number) + 1, i).flatMap(({ events }) => events.flat());
    const { time, events } = samples[i] as Sample;
    return events.flatMap((rows, e) => {
      const seen = [...skipped, ...events.slice(0, e + 1).flat()];
      const told = rows
        .filter((one) => device === '*' || one.device === device)
        .map((one) => {
          const out: PlainRow = { device: one.device, direction: one.direction };
          if (one.io !== undefined) out['io'] = one.io;
          for (const field of ['used', 'heat'] as const)
            for (const how of aggregate ?? ['last']) {
              const values = seen
                .filter((other) => other.device === one.device && other.direction === one.direction)
                .flatMap((other) => other[field] ?? []);
              if (how === 'last' ? one[field] === undefined : values.length === 0) continue;
              if (how === 'last') out[field] = one[field] as number;
              else if (how === 'mean') out[`${field}.mean`] = values.reduce((sum, value) => sum + value, 0) / values.length;
              else out[`${field}.${how}`] = how === 'min' ? Math.min(...values) : Math.max(...values);
            }
          return out;
        });
      return told.length > 0 ? [{ time, rows: told }] : [];
    });
  });
}

test(`whatever comes, it is what a naive model says (seed ${SEED})`, () => {
  const value = fc.option(fc.integer({ min: -5, max: 5 }), { nil: undefined });
  const anyRow = fc.record({
    device: fc.constantFrom('a', 'b', 'c'),
    direction: fc.constantFrom('r', 'w'),
    io: value,
    used: value,
    heat: value,
  });
  const sample = fc.record({
    pause: fc.integer({ min: 1, max: 4000 }),
    events: fc.array(fc.array(anyRow, { maxLength: 4 }), { minLength: 1, maxLength: 2 }),
  });
  const options = fc.record({
    every: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant('5s')),
    aggregate: fc.option(fc.uniqueArray(fc.constantFrom('last', 'min', 'max', 'mean'), { minLength: 1 }), { nil: undefined }),
    device: fc.constantFrom('*', 'a'),
  });
  fc.assert(
    fc.property(options, fc.array(sample, { maxLength: 20 }), ({ every, aggregate, device }, pauses) => {
      let time = 1000;
      const samples = pauses.map(({ pause, events }) => ({ time: (time += pause), events }));
      const given = { every, ...(aggregate ? { aggregate } : {}), rows: { device } };
      const got = taken(given, samples).map(({ time: at, rows }) => ({ time: at, rows }));
      expect(got).toEqual(naive({ every, aggregate, device }, samples));
    }),
    { seed: SEED, numRuns: 500 },
  );
});
