/** SIGHUP: what a reload touches, and what it leaves alone. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { counted, eventsOf, logOf, numbersOf, type Started, serve, until } from './process-support.ts';

const RELOADED = 'the configuration is reloaded';

const countOf = (service: Started, text: string): number => service.written.err.split(text).length - 1;

/** Sends SIGHUP and waits until the log has the sentence once more. */
async function hangUp(service: Started, sentence: string): Promise<void> {
  const before = countOf(service, sentence);
  service.child.kill('SIGHUP');
  await until(`said: ${sentence}`, () => countOf(service, sentence) > before, service);
}

/** When the last reload ended, in Unix milliseconds. */
const reloadedAt = (service: Started): number =>
  Date.parse(String(logOf(service.written.err).findLast(({ msg }) => msg === RELOADED)?.['time']));

async function stop(service: Started): Promise<Record<string, unknown>[]> {
  service.child.kill('SIGTERM');
  const { code, err } = await service.ended;
  expect(code).toBe(0);
  return logOf(err).filter(({ msg }) => msg === 'stopped');
}

interface Parts {
  readonly sensors: readonly string[];
  readonly sink: string;
}
const yamlOf = ({ sensors, sink }: Parts): string =>
  `interval: 200ms\nsensors:\n${sensors.map((line) => `  ${line}\n`).join('')}sinks:\n  archive: ${sink}\n`;

describe('SIGHUP', () => {
  it('stops a removed sensor, starts an added one, and leaves the others their numbers and their sink', async () => {
    const { service, configure, archive } = serve((work) =>
      yamlOf({
        sensors: ['load: {}', 'removed: { type: memory }'],
        sink: `{ type: file, path: ${join(work, 'events.ndjson')} }`,
      }),
    );
    const numbers = (sensor: string): number[] => numbersOf(eventsOf(archive), sensor);
    await until('sampled both', () => numbers('load').length >= 4 && numbers('removed').length > 0, service);
    configure(yamlOf({ sensors: ['load: {}', 'added: { type: memory }'], sink: `{ type: file, path: ${archive} }` }));
    await hangUp(service, RELOADED);
    const before = numbers('load').length;
    await until('sampled the added one', () => numbers('added').length >= 4 && numbers('load').length >= before + 6, service);
    const [record] = await stop(service);

    const events = eventsOf(archive);
    expect(record).toMatchObject({ published: events.length, delivered: events.length, dropped: {} });
    for (const sensor of ['load', 'removed', 'added']) expect(numbers(sensor)).toEqual(counted(numbers(sensor)));
    expect(new Set(events.map(({ id }) => id.split('/')[1])).size).toBe(1);
    const last = events.findLast(({ sensor }) => sensor === 'removed')?.time;
    // The log has whole milliseconds.
    expect(last).toBeLessThan(reloadedAt(service) + 1);
  });

  it('restarts a changed sensor, whose numbers go on', async () => {
    const { service, configure, archive } = serve((work) =>
      yamlOf({ sensors: ['load: { labels: { age: old } }'], sink: `{ type: file, path: ${join(work, 'events.ndjson')} }` }),
    );
    const labelled = (age: string) => eventsOf(archive).filter(({ labels }) => labels['age'] === age);
    await until('sampled', () => labelled('old').length >= 2, service);
    configure(yamlOf({ sensors: ['load: { labels: { age: new } }'], sink: `{ type: file, path: ${archive} }` }));
    await hangUp(service, RELOADED);
    await until('sampled anew', () => labelled('new').length >= 4, service);
    await stop(service);
    const numbers = numbersOf(eventsOf(archive), 'load');
    expect(numbers).toEqual(counted(numbers));
  });

  it('hands the queue of a sink that could not write to its successor, which writes all of it', async () => {
    const { service, configure, archive } = serve((folder) => {
      writeFileSync(join(folder, 'file'), '');
      // No folder can be made below a file.
      return yamlOf({ sensors: ['load: {}'], sink: `{ type: file, path: ${join(folder, 'file', 'events.ndjson')} }` });
    });
    await until('failed', () => countOf(service, '"sink":"archive"') > 0, service);
    configure(yamlOf({ sensors: ['load: {}'], sink: `{ type: file, path: ${archive} }` }));
    await hangUp(service, RELOADED);
    await until('wrote', () => eventsOf(archive).length >= 8, service);
    const [record] = await stop(service);
    const events = eventsOf(archive);
    expect(numbersOf(events, 'load')).toEqual(counted(events.map(({ time }) => time)));
    expect(events[0]?.time).toBeLessThan(reloadedAt(service));
    expect(record).toMatchObject({ published: events.length, delivered: events.length, dropped: {} });
  });

  it('leaves what runs as it is when the configuration is wrong, and says where it is', async () => {
    const { service, configure, archive } = serve((work) =>
      yamlOf({ sensors: ['load: {}'], sink: `{ type: file, path: ${join(work, 'events.ndjson')} }` }),
    );
    await until('sampled', () => eventsOf(archive).length >= 2, service);
    configure(yamlOf({ sensors: ['memory: {}', 'lode: {}'], sink: `{ type: file, path: ${archive} }` }));
    await hangUp(service, 'the configuration is wrong, the old one stays in force');
    const wrong = logOf(service.written.err).find(({ level }) => level === 50);
    expect(wrong?.['msg']).toMatch(/tidegate\.yaml:4:3: .*lode/);
    const before = eventsOf(archive).length;
    await until('went on', () => eventsOf(archive).length >= before + 6, service);

    configure(yamlOf({ sensors: ['load: {}', 'memory: {}'], sink: `{ type: file, path: ${archive} }` }));
    await hangUp(service, RELOADED);
    await until('took the next one', () => numbersOf(eventsOf(archive), 'memory').length > 0, service);
    await stop(service);
    const numbers = numbersOf(eventsOf(archive), 'load');
    expect(numbers).toEqual(counted(numbers));
  });

  it('says which options only a start applies', async () => {
    const file = (work: string): string =>
      yamlOf({ sensors: ['load: {}'], sink: `{ type: file, path: ${join(work, 'events.ndjson')} }` });
    const { service, work, configure, archive } = serve(file);
    await until('sampled', () => eventsOf(archive).length > 0, service);
    configure(`agent: another\n${file(work)}`);
    await hangUp(service, RELOADED);
    expect(logOf(service.written.err)).toContainEqual(expect.objectContaining({ level: 40, options: ['agent'] }));
    await stop(service);
    expect(new Set(eventsOf(archive).map(({ id }) => id.split('/')[0]))).toEqual(new Set(['small']));
  });
});
