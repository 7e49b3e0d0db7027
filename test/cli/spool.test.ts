/** `tidegate spool` beside a service whose broker is away, and on the folder that it leaves. */
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLevelStore } from '../../src/delivery/level-store.ts';
import { temporaryFolder } from '../temporary.ts';
import { type Ended, type Started, serve, start, tidegate, until, workplace } from './process-support.ts';

/** Nobody listens on port 1 of loopback. */
const yaml = (): string =>
  'interval: 100ms\nsensors: { load: {}, memory: {} }\nsinks:\n  broker: { type: rabbitmq, hosts: ["127.0.0.1:1"], exchange: telemetry }\n';

const spool = async (state: string, ...args: string[]): Promise<Ended> => await tidegate(['--state', state, 'spool', ...args]);
const json = async (state: string, ...args: string[]): Promise<Record<string, unknown>[]> =>
  linesOf((await spool(state, ...args, '--format', 'json')).out);
const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A service that has something in its spool. */
async function spooling(): Promise<{ service: Started; state: string; work: string }> {
  const { service, state, work } = serve(yaml);
  await until('failed', () => service.written.err.includes('the breaker opens'), service);
  return { service, state, work };
}

/** The folder for state of a service that has spooled and is stopped. */
async function spooled(): Promise<{ state: string; work: string; record: Record<string, unknown> }> {
  const { service, state, work } = await spooling();
  service.child.kill('SIGTERM');
  const { err } = await service.ended;
  const record = linesOf(err).find(({ msg }) => msg === 'stopped') as Record<string, unknown>;
  return { state, work, record };
}

/** Names and contents of all files below a folder. */
const picture = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/^lock|LOG/.test(entry.name) && !entry.parentPath.endsWith('lock'))
      .map(({ parentPath, name }) => [
        join(parentPath, name),
        createHash('sha256')
          .update(readFileSync(join(parentPath, name)))
          .digest('hex'),
      ]),
  );

const seqsOf = (items: readonly Record<string, unknown>[]): number[] => items.map(({ seq }) => Number(String(seq).split('/')[2]));

describe('beside a running service', () => {
  it('asks it: all spools, one, its events, and holds it back', async () => {
    const { service, state, work } = await spooling();
    expect(statSync(join(state, 'control.sock')).mode & 0o777).toBe(0o600);
    const overview = await spool(state);
    expect(overview).toMatchObject({ code: 0, err: `a service runs (${join(state, 'control.sock')})\n` });
    expect(overview.out).toMatch(/^sink .*\nbroker +\d+ .*the running service$/m);
    const one = await spool(state, 'broker');
    expect(one.out).toMatch(
      /^broker: \d+ events, .*\(from the running service at .*\nwaiting, breaker (open|half_open); .*\nbecause .*ECONNREFUSED/,
    );
    const paused = await spool(state, 'broker', 'pause');
    expect(paused).toMatchObject({ code: 0, err: expect.stringContaining('paused') });
    expect((await json(state, 'broker'))[0]).toMatchObject({ source: 'service', status: { paused: true } });

    const items = await json(state, 'broker', 'list', '--limit', '5');
    expect(seqsOf(items)).toEqual([1, 2, 3, 4, 5]);
    const [item] = await json(state, 'broker', 'show', String(items[2]?.['seq']));
    expect(item).toMatchObject({ seq: items[2]?.['seq'], event: { v: 1, id: items[2]?.['id'], host: 'small' } });
    const shown = await spool(state, 'broker', 'show', String(items[0]?.['seq']));
    expect(shown.out).toMatch(/1m +5m +15m\n *0\.25 +0\.5 +1/);
    const file = join(work, 'export.ndjson');
    expect(await spool(state, 'broker', 'export', file)).toMatchObject({ code: 0 });
    const exported = linesOf(readFileSync(file, 'utf8'));
    expect(seqsOf(exported)).toEqual(exported.map((_, i) => i + 1));
    expect(exported[0]).toMatchObject({ lane: 0, event: { v: 1, sensor: 'load' } });
    service.child.kill('SIGTERM');
    await service.ended;
    expect(readdirSync(state)).not.toContain('control.sock');
  });

  it('gives up what is spooled and counts it', async () => {
    const { service, state } = await spooling();
    expect(await spool(state, 'broker', 'discard', '--spooled')).toMatchObject({
      code: 64,
      err: expect.stringContaining('--yes'),
    });
    const [done] = await json(state, 'broker', 'discard', '--spooled', '--yes');
    const events = done?.['events'] as number;
    expect(events).toBeGreaterThan(0);
    const [after] = await json(state, 'broker');
    const told = { reason: 'discarded', first: 1, last: events, events };
    expect(after).toMatchObject({ status: { ledger: { dropped: { discarded: events } } }, lanes: [{ losses: [told] }] });
    service.child.kill('SIGTERM');
    await service.ended;
  });

  it('refuses a second service with its folder, and replaces the socket of one that was killed', async () => {
    const { service, state } = await spooling();
    const { machine, work } = workplace();
    writeFileSync(join(work, 'tidegate.yaml'), yaml());
    const args = ['--state', state, 'run', '--host', machine, '-c', join(work, 'tidegate.yaml')];
    expect(await tidegate(args)).toMatchObject({ code: 69, err: expect.stringContaining('is running already: stop it') });
    expect(service.child.exitCode).toBeNull();
    service.child.kill('SIGKILL');
    await service.ended;
    expect(readdirSync(state)).toContain('control.sock');
    // Nobody answers there, so the folder is read; the run did not end.
    expect((await spool(state, 'broker')).out).toMatch(/no service runs\)[^]*1 run did not end cleanly/);

    const next = start(args);
    await until('ran', () => next.written.err.includes('"msg":"runs"'), next);
    expect((await spool(state)).out).toContain('the running service');
    next.child.kill('SIGTERM');
    expect(await next.ended).toMatchObject({ code: 0 });
  });

  it('has its socket elsewhere when the folder has a long name, and takes it away', async () => {
    const { machine, work } = workplace();
    const state = join(work, 'long'.repeat(30));
    writeFileSync(join(work, 'tidegate.yaml'), yaml());
    const service = start(['--state', state, 'run', '--host', machine, '-c', join(work, 'tidegate.yaml')]);
    await until('failed', () => service.written.err.includes('the breaker opens'), service);
    const named = readFileSync(join(state, 'control'), 'utf8').trim();
    expect(statSync(named).isSocket()).toBe(true);
    expect((await spool(state)).err).toContain(`a service runs (${named})`);
    service.child.kill('SIGTERM');
    await service.ended;
    expect(readdirSync(state)).toEqual(['spool']);
    expect(statSync(named, { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe('without a service', () => {
  it('reads the folder, or a copy of it, and changes nothing in it', async () => {
    const { state, work, record } = await spooled();
    expect(record).toMatchObject({ delivered: 0, spooled: record['published'] });
    const copy = join(work, 'copy');
    cpSync(state, copy, { recursive: true });
    const before = picture(join(copy, 'spool', 'broker'));
    expect((await spool(copy)).out).toMatch(/^broker +\d+ .*its folder$/m);
    const [summary] = await json(copy, 'broker');
    expect(summary).toMatchObject({ source: 'folder', events: record['spooled'], runs: [], dead: { events: 0 } });
    const items = await json(copy, 'broker', 'list', '--limit', '0');
    expect(seqsOf(items)).toEqual(items.map((_, i) => i + 1));
    expect(items.length).toBe(record['spooled']);
    for (const { seq } of [items[0], items.at(-1)] as { seq: string }[]) {
      expect((await json(copy, 'broker', 'show', seq))[0]).toMatchObject({ seq });
    }
    const exported = await spool(copy, 'broker', 'export', '-');
    expect(linesOf(exported.out).length).toBe(record['spooled']);
    expect(exported.err).toMatch(/^\d+ spooled events written, read from .*no service runs\n$/);
    expect(picture(join(copy, 'spool', 'broker'))).toEqual(before);
    expect(await spool(copy, 'broker', 'export', join(work, 'tidegate.yaml'))).toMatchObject({
      code: 73,
      err: expect.stringContaining('is there already'),
    });
  });

  it('gives up what is spooled, and leaves word of it', async () => {
    const { state, record } = await spooled();
    const [done] = await json(state, 'broker', 'discard', '--spooled', '--yes');
    expect(done).toMatchObject({ source: 'folder', events: record['spooled'] });
    const { out } = await spool(state, 'broker');
    expect(out).toMatch(/nothing is spooled[^]*1 to \d+: \d+ events, discarded/);
    expect((await spool(state, 'broker', 'list')).out).toBe('nothing is spooled\n');
  });

  it('says what is wrong with a name, a number or a word, and what to do', async () => {
    const empty = temporaryFolder();
    expect(await spool(empty)).toMatchObject({ code: 0, out: expect.stringContaining('no sink has a spool') });
    expect(await spool(empty, 'broker')).toMatchObject({ code: 66, err: expect.stringContaining('there is no spool in') });
    const { state } = await spooled();
    const said = async (...args: string[]): Promise<[number | null, string]> => {
      const { code, err } = await spool(state, ...args);
      return [code, err];
    };
    expect(await said('brokr')).toEqual([64, expect.stringContaining('did you mean broker?')]);
    expect(await said('../spool/broker')).toEqual([64, expect.stringContaining('there is no spool of a sink')]);
    expect(await said('broker', 'shwo')).toEqual([64, expect.stringContaining('Allowed choices are list, show')]);
    expect(await said('broker', 'show', '7')).toEqual([66, expect.stringContaining('there is no event 7')]);
    expect(await said('broker', 'retry')).toEqual([64, expect.stringContaining('--all')]);
    expect(await said('broker', 'retry', 'all')).toEqual([64, expect.stringContaining('"all" is no number')]);
    expect(await said('broker', 'retry', '7')).toEqual([66, expect.stringContaining('no dead letters with these numbers')]);
    expect(await said('broker', 'list', '--yes')).toEqual([64, expect.stringContaining('--yes is for discard only')]);
    expect(await said('broker', 'pause')).toEqual([69, expect.stringContaining('needs a running service')]);
  });

  it('says that another process has it, or that a newer release wrote it', async () => {
    const { state } = await spooled();
    const folder = join(state, 'spool', 'broker');
    const { store } = await openLevelStore(folder, { minFree: 0, ballast: 0 });
    expect(await spool(state, 'broker')).toMatchObject({ code: 69, err: expect.stringContaining('in use by another process') });
    await store.close();
    writeFileSync(join(folder, 'format'), '3\n');
    expect(await spool(state, 'broker')).toMatchObject({
      code: 65,
      err: expect.stringContaining('run the release that wrote it'),
    });
    // The overview goes on with the others.
    expect(await spool(state)).toMatchObject({ code: 65, out: expect.stringContaining('has format 3') });
  });

  it('shows what can be read of a damaged spool, and leaves the repair to the service', async () => {
    const { state } = await spooled();
    const data = join(state, 'spool', 'broker', 'data');
    const log = readdirSync(data).find((name) => /^\d+\.log$/.test(name) && statSync(join(data, name)).size > 1000);
    const bytes = readFileSync(join(data, log as string));
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] as number) ^ 0xff;
    writeFileSync(join(data, log as string), bytes);
    const before = picture(join(state, 'spool', 'broker'));
    const { code, err, out } = await spool(state, 'broker');
    expect(code).toBe(0);
    expect(err).toContain('damaged:');
    expect(Number(/^broker: (\d+) events/.exec(out)?.[1])).toBeGreaterThan(0);
    expect(await spool(state, 'broker', 'discard', '--spooled', '--yes')).toMatchObject({
      code: 74,
      err: expect.stringContaining('start the service, which repairs it'),
    });
    expect(picture(join(state, 'spool', 'broker'))).toEqual(before);
    truncateSync(join(data, 'CURRENT'), 0);
    expect((await spool(state)).out).toContain('damaged: CURRENT names no manifest');
  });
});
