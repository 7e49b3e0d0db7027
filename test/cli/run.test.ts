/** The service as an operator has it: what is on disk after a signal, and what a reload touches. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  counted,
  eventsOf,
  hasTerminal,
  logOf,
  numbersOf,
  onTerminal,
  type Started,
  serve,
  start,
  tidegate,
  until,
  workplace,
} from './process-support.ts';

const SENSORS = 'interval: 200ms\nsensors:\n  load: {}\n  memory: {}\n';

const toFile = (work: string): string => `${SENSORS}sinks:\n  archive: { type: file, path: ${join(work, 'events.ndjson')} }\n`;
const said =
  (service: Started, text: string): (() => boolean) =>
  () =>
    service.written.err.includes(text);
const stoppedRecords = (err: string) => logOf(err).filter(({ msg }) => msg === 'stopped');

describe('tidegate run', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('has every published event on disk after %s, and exits 0', async (signal) => {
    const { service, archive } = serve(toFile);
    await until('wrote 8 events', () => eventsOf(archive).length >= 8, service);
    service.child.kill(signal);
    const { code, out, err } = await service.ended;
    expect({ code, out }).toEqual({ code: 0, out: '' });
    const events = eventsOf(archive);
    expect(readFileSync(archive, 'utf8').endsWith('\n')).toBe(true);
    expect(stoppedRecords(err)).toMatchObject([
      { sink: 'archive', published: events.length, delivered: events.length, dropped: {} },
    ]);
    for (const sensor of ['load', 'memory']) expect(numbersOf(events, sensor)).toEqual(counted(numbersOf(events, sensor)));
    expect(new Set(events.map(({ host }) => host))).toEqual(new Set(['small']));
    expect(events.find(({ type }) => type === 'system.cpu.load_average')?.fields['1m']?.values).toEqual([0.25]);
  });

  it('runs without a command and without a configuration, with a file in its folder for state', async () => {
    const { machine, state } = workplace();
    // The option stands before the command, which is left out.
    const service = start(['--state', state, '--host', machine]);
    const file = join(state, 'events.ndjson');
    await until('wrote an event', () => eventsOf(file).length > 0, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    expect(new Set(eventsOf(file).map(({ sensor }) => sensor))).toContain('load');
    const [runs] = logOf(service.written.err).filter(({ msg }) => msg === 'runs');
    expect(runs).toMatchObject({ sinks: ['events'], state });
    expect(runs?.['unavailable']).toMatchObject({ cpu: expect.stringContaining('proc/stat') });
    // Once is enough: of the sensors, nothing else speaks of it.
    expect(logOf(service.written.err).filter(({ sensor }) => sensor === 'cpu')).toEqual([]);
  });

  // Labels this long fill a pipe within a few samples. What the file has says that the pipe is full.
  const hanging = (work: string): string => {
    const labels = Array.from({ length: 60 }, (_, i) => `  label_${i}: ${'x'.repeat(1000)}\n`).join('');
    const console = '  console: { shutdown_timeout: 10s }\n';
    return `${toFile(work)}${console}labels:\n${labels}`.replace('200ms', '100ms');
  };
  const FULL_EVENTS = 40;

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('ends at once with the second %s while a sink hangs: exit code %i', async (signal, expected) => {
    const { service, archive } = serve(hanging, { deaf: true });
    await until('wrote to the other sink', () => eventsOf(archive).length >= FULL_EVENTS, service);
    service.child.kill(signal);
    await until('said that it stops', said(service, 'once more ends it at once'), service);
    service.child.kill(signal);
    // A service that had nothing to wait for would have ended with 0.
    expect((await service.ended).code).toBe(expected);
    const numbers = numbersOf(eventsOf(archive), 'load');
    expect(numbers).toEqual(counted(numbers));
  });

  it('gives a sink that hangs its time, says what is lost, and loses nothing of the other sink', async () => {
    const { service, archive } = serve((work) => hanging(work).replace('shutdown_timeout: 10s', 'shutdown_timeout: 200ms'), {
      deaf: true,
    });
    await until('wrote to the other sink', () => eventsOf(archive).length >= FULL_EVENTS, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    const records = stoppedRecords(service.written.err);
    const events = eventsOf(archive).length;
    expect(records.find(({ sink }) => sink === 'archive')).toMatchObject({ published: events, delivered: events, dropped: {} });
    const lost = records.find(({ sink }) => sink === 'console') as {
      published: number;
      delivered: number;
      dropped: Record<string, number>;
    };
    expect(lost.dropped['shutdown']).toBeGreaterThan(0);
    expect(lost.delivered + (lost.dropped['shutdown'] ?? 0)).toBe(lost.published);
  });

  it('goes on when nobody reads its log any more', async () => {
    const { service, archive } = serve(toFile);
    await until('wrote an event', () => eventsOf(archive).length > 0, service);
    service.child.stderr?.destroy();
    service.child.kill('SIGHUP');
    const before = eventsOf(archive).length;
    await until('went on', () => eventsOf(archive).length >= before + 8, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
  });

  it.runIf(hasTerminal)('greets whoever starts it on a terminal, and says once what is not here', async () => {
    const { machine, state } = workplace();
    const service = start(['--state', state, '--host', machine], { through: onTerminal });
    const greeted = (): string => Buffer.concat(service.written.out).toString();
    await until('greeted', () => greeted().includes('Ctrl-C stops it.'), service);
    service.child.kill('SIGTERM');
    await service.ended;
    const lines = stripVTControlCharacters(greeted()).split('\r\n');
    expect(lines.filter((line) => line.includes('proc/stat is not there'))).toEqual([
      expect.stringMatching(/^not here {2}cpu: /),
    ]);
  });

  it.runIf(hasTerminal)('stops, and delivers what it has, when its terminal is closed', async () => {
    const { machine, state } = workplace();
    const service = start(['--state', state, '--host', machine], { through: onTerminal });
    await until('greeted', () => Buffer.concat(service.written.out).toString().includes('Ctrl-C stops it.'), service);
    const archive = join(state, 'events.ndjson');
    await until('wrote an event', () => eventsOf(archive).length > 0, service);
    service.child.kill('SIGKILL');
    await service.ended;
    await expect.poll(async () => (await tidegate(['--state', state, 'health'])).code).not.toBe(0);
    expect((await tidegate(['verify', archive])).code).toBe(0);
  });

  it('says why its folder for state cannot be made', async () => {
    const { work } = workplace();
    writeFileSync(join(work, 'file'), '');
    const { code, err } = await start(['--state', join(work, 'file', 'state'), 'run']).ended;
    expect(code).toBe(78);
    expect(err).toMatch(/^error: the folder for state cannot be made: ENOTDIR: .*--state or TIDEGATE_STATE\n$/);
  });

  it.skipIf(!existsSync('/proc/self'))(
    'says why, rather than trying for ever, in a folder that takes no folders (skipped where there is no /proc)',
    async () => {
      const { code, err } = await start(['--state', '/proc/tidegate/state', 'run']).ended;
      expect(code).toBe(78);
      expect(err).toContain('the folder for state cannot be made');
    },
  );

  it('makes its folder for state with the folders above it', async () => {
    const { machine, work } = workplace();
    const state = join(work, 'a', 'b', 'c');
    const service = start(['run', '--host', machine], { env: { TIDEGATE_STATE: state } });
    await until('wrote an event', () => eventsOf(join(state, 'events.ndjson')).length > 0, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    expect(existsSync(join(work, 'a', 'b', 'c'))).toBe(true);
  });
});
