/** One sink that hangs, one whose every event is rejected, one on a full disk: a fourth has every event, in order, all the same. */
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { counted, eventsOf, numbersOf } from '../cli/process-support.ts';
import { temporaryFolder } from '../temporary.ts';
import { configuration, Service, sleep } from './support.ts';

/** A broker that takes connections and never answers. */
let hung: Server;
let port: number;
beforeAll(async () => {
  hung = createServer((socket) => {
    // Whoever connected gives up in the end.
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => hung.listen(0, '127.0.0.1', resolve));
  ({ port } = hung.address() as { port: number });
});
afterAll(() => {
  hung.close();
});

it('a sink has every event in order, whatever becomes of the others', async () => {
  const folder = temporaryFolder();
  const archive = join(folder, 'archive.ndjson');
  const running = new Service(
    configuration([
      `hung: { type: kafka, brokers: ["127.0.0.1:${port}"], topic: t, timeout: 1s, queue: { max_events: 50 } }`,
      `absent: { type: kafka, brokers: ["127.0.0.1:1"], topic: t, spool: { min_free: 1000TB } }`,
      `full: { type: file, path: ${join(folder, 'full.ndjson')}, min_free: 1000TB, queue: { max_events: 50 } }`,
      `well: { type: file, path: ${archive} }`,
    ]),
  );
  await running.start();
  await sleep(5000);
  await running.stop();
  const events = eventsOf(archive);
  const sensors = new Set(events.map(({ sensor }) => sensor));
  expect(sensors.size).toBe(40);
  for (const sensor of sensors) {
    const numbers = numbersOf(events, sensor);
    expect(numbers).toEqual(counted(numbers));
  }
  // What the others cannot deliver is counted by their own rules, or on disk.
  const ends = running.log.split('\n').filter((line) => line.includes('"msg":"stopped"'));
  const of = (sink: string) =>
    JSON.parse(ends.find((line) => line.includes(`"sink":"${sink}"`)) ?? '{}') as Record<string, unknown>;
  expect(of('well')).toMatchObject({ published: events.length, delivered: events.length, dropped: {} });
  for (const sink of ['hung', 'absent', 'full']) expect(of(sink)).toMatchObject({ published: events.length, delivered: 0 });
});
