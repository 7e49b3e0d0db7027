/** Many targets in the running service: moments spread over the interval, a bound on scrapes, dead ones that cost nobody anything, logs that say a thing once. */
import { describe, expect, test } from 'vitest';
import prometheus from '../../sensors/prometheus.ts';
import { systemClock } from '../../src/clock.ts';
import type { TideEvent } from '../../src/event.ts';
import type { Log } from '../../src/log.ts';
import { Publisher } from '../../src/publisher.ts';
import { Scheduler, spreadOffset } from '../../src/scheduler.ts';
import { SensorTask } from '../../src/sensor-task.ts';
import { FakeClock } from '../clock.ts';
import { fixtureHost } from '../support.ts';
import { page, scrape, scraper, serve, targetsOf } from './support.ts';

interface Line {
  level: string;
  about: Record<string, unknown>;
  message: string;
}

/** The sensor as the service runs it. */
async function running(options: unknown, interval: number) {
  const events: TideEvent[] = [];
  const lines: Line[] = [];
  const line =
    (level: string) =>
    (about: object, message: string): void =>
      void lines.push({ level, about: about as Record<string, unknown>, message });
  const log: Log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const source = { agent: 'a', run: 'r', sensor: 'node', host: 'h', labels: { env: 'test' } };
  const publisher = new Publisher(source, 512 * 1024, (event) => events.push(event));
  const scheduler = new Scheduler(systemClock);
  const state = { load: () => undefined, save: async () => {} };
  const entry = {
    name: 'node',
    type: 'prometheus',
    definition: prometheus as never,
    options: prometheus.options.parse(options),
    interval,
    timeout: interval,
    offset: 0,
    labels: {},
    fingerprint: '',
  };
  const task = new SensorTask({ entry, host: fixtureHost('prometheus'), state, scheduler, publisher, clock: systemClock, log });
  await task.open();
  return { task, events, lines, stop: async () => await task.close() };
}

const upOf = (events: readonly TideEvent[]): (readonly [string, number])[] =>
  events
    .filter(({ type }) => type === 'prometheus.scrape')
    .map(({ table }) => [table.layout.attributes[0]?.[0] as string, table.values[0] as number]);

describe('in the service', () => {
  test('each target has events with its labels, and a failing one is logged once and seen in the status', async () => {
    const good = await serve(page('a{x="1"} 1\n'));
    let healthy = false;
    const bad = await serve((request, response) =>
      healthy ? page('b 2\n')(request, response) : void response.writeHead(500).end(),
    );
    const { task, events, lines, stop } = await running(
      { targets: [`${good.origin}/metrics`, { targets: [`${bad.origin}/metrics`], labels: { role: 'bad' } }] },
      200,
    );
    await expect
      .poll(() => upOf(events).filter(([name]) => name.startsWith(bad.origin)).length, { timeout: 20_000 })
      .toBeGreaterThan(3);
    await expect
      .poll(() => upOf(events).filter(([name, up]) => name.startsWith(good.origin) && up === 1).length, { timeout: 20_000 })
      .toBeGreaterThan(3);
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        about: { sensor: 'node', target: `${bad.origin}/metrics`, reason: 'the answer has status 500, and only 200 has a page' },
        message: 'something is wrong with a target',
      },
    ]);
    expect(task.status().targets).toMatchObject({
      total: 2,
      failing: 1,
      problems: [{ name: `${bad.origin}/metrics`, problem: 'the answer has status 500, and only 200 has a page' }],
    });
    healthy = true;
    await expect.poll(() => task.status().targets?.failing, { timeout: 20_000 }).toBe(0);
    expect(lines.filter(({ level }) => level === 'info')).toHaveLength(1);
    const sampled = events.filter(({ type }) => type === 'prometheus.sample');
    expect(sampled.find(({ table }) => table.layout.attributes[0]?.[0] === 'a')?.source.labels).toEqual({
      env: 'test',
      instance: `127.0.0.1:${good.port}`,
    });
    await expect
      .poll(() => events.find(({ table }) => table.layout.attributes[0]?.[0] === 'b')?.source.labels, { timeout: 20_000 })
      .toEqual({
        env: 'test',
        instance: `127.0.0.1:${bad.port}`,
        role: 'bad',
      });
    // Ids are those of one sensor, whichever target an event is of.
    expect(events.map(({ n }) => n)).toEqual(events.map((_, i) => i + 1));
    await stop();
    const { length } = events;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(events).toHaveLength(length);
  });

  test('targets that hang cost the others nothing, from the first scrape on', async () => {
    const hanging = await serve(() => {});
    const good = await serve(page('a 1\n'));
    // Those that hang take the only slot at moments all over the interval.
    const targets = [...Array.from({ length: 9 }, (_, i) => `${hanging.origin}/${i}`), good.origin];
    const { events, stop } = await running({ targets, max_in_flight: 1 }, 3000);
    await expect
      .poll(() => upOf(events).filter(([name, up]) => name.startsWith(good.origin) && up === 1).length, { timeout: 20_000 })
      .toBeGreaterThan(2);
    expect(upOf(events).filter(([name, up]) => name.startsWith(good.origin) && up === 0)).toEqual([]);
    expect(upOf(events).some(([name, up]) => name.startsWith(hanging.origin) && up === 0)).toBe(true);
    await stop();
  });
});

test('targets that write the same page share its rows', async () => {
  let value = 0;
  const { origin } = await serve(page(() => `a{x="1"} ${value++}\nb ${value++}\n`));
  const targets = targetsOf(await scraper({ targets: [1, 2, 3].map((i) => `${origin}/metrics?${i}`) }));
  const tables = [];
  for (const target of targets)
    tables.push((await scrape(target)).tables.find(({ schema }) => schema.type === 'prometheus.sample'));
  expect(tables.map((table) => [...(table?.values ?? [])])).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  expect(tables[1]?.layout).toBe(tables[0]?.layout);
  expect(tables[2]?.layout).toBe(tables[0]?.layout);
});

test('targets with many different pages share those that are the same', async () => {
  const { origin } = await serve((request, response) => {
    const variant = Number(request.url?.split('?')[1]) % 20;
    page(`# TYPE a gauge\na{variant="${variant}"} ${Math.random()}\n`)(request, response);
  });
  const targets = targetsOf(await scraper({ targets: Array.from({ length: 60 }, (_, i) => `${origin}/metrics?${i}`) }));
  const layouts = new Set<unknown>();
  for (const target of targets)
    layouts.add((await scrape(target)).tables.find(({ schema }) => schema.type === 'prometheus.sample')?.layout);
  expect(layouts.size).toBe(20);
  // And keep them.
  for (const target of targets)
    layouts.add((await scrape(target)).tables.find(({ schema }) => schema.type === 'prometheus.sample')?.layout);
  expect(layouts.size).toBe(20);
});

test('moments of many targets are spread over all of the interval', () => {
  const interval = 10_000;
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 2000; i++) {
    const offset = spreadOffset(`http://10.0.${i >> 8}.${i & 255}:9100/metrics`, interval);
    expect(offset).toBe(spreadOffset(`http://10.0.${i >> 8}.${i & 255}:9100/metrics`, interval));
    tenths[Math.floor(offset / 1000)]!++;
  }
  for (const count of tenths) expect(count).toBeGreaterThan(100);
});

test('a job that is not to be sampled at once waits for its moment', async () => {
  const clock = new FakeClock();
  const times: number[] = [];
  new Scheduler(clock).add({
    name: 'x',
    interval: 1000,
    timeout: 500,
    offset: 400,
    atOnce: false,
    sample: () => times.push(clock.wall() % 1000),
    done: () => {},
    failed: () => {},
  });
  await clock.advance(100);
  expect(times).toEqual([]);
  await clock.advance(3000);
  expect(times).toEqual([400, 400, 400]);
});
