/** `tidegate once` on a machine that has load and memory, and no cpu. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeMulti } from '@msgpack/msgpack';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeJson } from '../../src/consumer.ts';
import { REPOSITORY } from '../support.ts';
import { hasTerminal, onTerminal, type StartOptions, tidegate, workplace } from './process-support.ts';

const ESCAPE = '\u001b';
const { machine, work, state } = workplace();

const once = async (args: readonly string[], options: StartOptions = {}) =>
  await tidegate(['--state', state, 'once', '--host', machine, ...args], options);

describe('tidegate once', () => {
  it('prints a table for people', async () => {
    const { code, out, err } = await once(['load', 'memory']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/ system\.cpu\.load_average {2}1m 0\.25 {2}5m 0\.5 {2}15m 1\n/);
    expect(out).toMatch(/ system\.thread {2}runnable 2 {2}count 345\n/);
    expect(out).toMatch(/system\.memory/);
    expect(out).not.toContain(ESCAPE);
  });

  it('prints one JSON object a line', async () => {
    const { code, out } = await once(['load', '--format', 'json']);
    expect(code).toBe(0);
    expect(out.endsWith('\n')).toBe(true);
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => decodeJson(line));
    expect(events.map(({ type }) => type)).toEqual(['system.cpu.load_average', 'system.thread']);
    expect(events[0]).toMatchObject({ v: 1, id: 'small/once/load/1', host: 'small', sensor: 'load', rows: 1 });
    expect(events[0]?.fields['15m']?.values).toEqual([1]);
  });

  it('prints MessagePack, one object after the other', async () => {
    const { code, bytes } = await once(['load', '-f', 'msgpack']);
    expect(code).toBe(0);
    const events = [...decodeMulti(bytes)] as { id: string; fields: Record<string, { values: number[] }> }[];
    expect(events.map(({ id }) => id)).toEqual(['small/once/load/1', 'small/once/load/2']);
    expect(events[1]?.fields['count']?.values).toEqual([345]);
  });

  it("prints Prometheus' text", async () => {
    const { code, out } = await once(['load', '-f', 'prometheus']);
    expect(code).toBe(0);
    expect(out).toContain('# TYPE system_thread_count gauge\nsystem_thread_count 345\n');
    for (const line of out.trimEnd().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) )?[a-z_:][a-z0-9_:]*(\{.*\})? \S/);
  });

  it('samples everything without a name; what is not here is said, and is no failure', async () => {
    const { code, out, err } = await once(['-f', 'json']);
    expect(code).toBe(0);
    const sensors = new Set(
      out
        .trimEnd()
        .split('\n')
        .map((line) => decodeJson(line).sensor),
    );
    expect(sensors).toContain('load');
    expect(sensors).toContain('memory');
    expect(sensors).not.toContain('cpu');
    expect(err).toMatch(/^cpu: .*proc\/stat is not there/m);
  });

  it('fails when a sensor that was named is not available here, says why, and prints the others', async () => {
    const { code, out, err } = await once(['cpu', 'load', '-f', 'json']);
    expect(code).toBe(1);
    expect(err).toBe(`cpu: ${join(machine, 'proc/stat')} is not there: CPU times needs it\n`);
    expect(out.trimEnd().split('\n')).toHaveLength(2);
  });

  it('fails when the file of a sensor that was named is malformed, with the excerpt', async () => {
    const broken = workplace();
    writeFileSync(join(broken.machine, 'proc/loadavg'), '0.1 0.2 0.3 nonsense 9\n');
    const { code, out, err } = await tidegate(['once', 'load', '--host', broken.machine]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^load: .*loadavg:1: .*nonsense/);
  });

  it('names the nearest sensor for a wrong name', async () => {
    const { code, out, err } = await once(['memroy']);
    expect({ code, out, err }).toEqual({ code: 64, out: '', err: 'error: there is no sensor "memroy"; did you mean memory?\n' });
  });

  it('names all sensors for a name that is far from any', async () => {
    const { code, err } = await once(['xylophone']);
    expect(code).toBe(64);
    expect(err).toMatch(/^error: there is no sensor "xylophone"; there is: .*load, memory/);
  });

  it('says of a sensor that does not run by default why it is not here, or that it needs options', async () => {
    const missing = await once(['systemd']);
    expect({ code: missing.code, out: missing.out }).toEqual({ code: 1, out: '' });
    expect(missing.err).toMatch(/^systemd: .+/);
    const { code, out, err } = await once(['json']);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toBe('error: the sensor json needs options, so that it needs a configuration (-c); see: tidegate sensors json\n');
  });

  it('takes instances and labels from a configuration', async () => {
    const file = join(work, 'once.yaml');
    writeFileSync(file, 'labels: { env: test }\nsensors: { mine: { type: load } }\nsinks: { console: {} }\n');
    const { code, out } = await once(['mine', '-c', file, '-f', 'json']);
    expect(code).toBe(0);
    expect(decodeJson(out.split('\n')[0] as string)).toMatchObject({ sensor: 'mine', labels: { env: 'test' } });
  });

  it.skipIf(process.platform !== 'linux')(
    'reads the machine that HOST_PROC names (skipped but on Linux: node:os answers elsewhere)',
    async () => {
      const env = { HOST_PROC: join(machine, 'proc'), HOST_SYS: join(machine, 'sys'), HOST_ROOT: join(machine, 'root') };
      const { code, out } = await tidegate(['once', 'load', '-f', 'json'], { env });
      expect(code).toBe(0);
      expect(decodeJson(out.split('\n')[1] as string).fields['count']?.values).toEqual([345]);
    },
  );

  it('says in one line that a folder is no recorded machine', async () => {
    const { code, out, err } = await tidegate(['once', '--host', work]);
    expect({ code, out }).toEqual({ code: 66, out: '' });
    expect(err).toBe(`error: ${work} is not a recorded machine: it has no host.json (make one with: tidegate record ${work})\n`);
  });

  it('says in one line that the description of a recorded machine is broken', async () => {
    const broken = workplace();
    writeFileSync(join(broken.machine, 'host.json'), '{ "name": ');
    const { code, err } = await tidegate(['once', '--host', broken.machine]);
    expect(code).toBe(66);
    expect(err).toMatch(/^error: .*host\.json cannot be read: .*\n$/);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it('makes no folder for state', async () => {
    const fresh = workplace();
    await tidegate(['--state', fresh.state, 'once', 'load', '--host', fresh.machine]);
    expect(existsSync(fresh.state)).toBe(false);
  });
});

describe('a reader that has read enough', () => {
  const shell = (script: string) =>
    spawnSync('bash', ['-c', `set -o pipefail; ${script}`, 'bash', process.execPath, 'src/main.ts'], {
      cwd: REPOSITORY,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: work },
    });

  it.each([
    ['schema', 'head -c 1'],
    ['schema', 'true'],
    ['--version', 'true'],
    [`once load memory --host '${machine}' -f json`, 'head -n 1'],
    [`once load --host '${machine}'`, 'true'],
  ])('ends %s without a word: | %s', (command, reader) => {
    const { status, stderr } = shell(`"$1" "$2" ${command} | ${reader}`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it.skipIf(!existsSync('/dev/full'))(
    'says that standard output cannot be written, and fails (skipped without /dev/full)',
    () => {
      const { status, stderr } = shell('"$1" "$2" schema > /dev/full');
      expect(status).toBe(74);
      expect(stderr).toMatch(/^error: standard output cannot be written: ENOSPC: [^\n]*\n$/);
    },
  );
});

describe('colours', () => {
  let coloured = '';
  beforeAll(async () => {
    if (hasTerminal) coloured = (await once(['load'], { through: onTerminal })).out;
  });

  it.skipIf(!hasTerminal)('are there on a terminal (skipped without the script command of util-linux)', () => {
    expect(coloured).toContain('system.thread');
    expect(coloured).toContain(`${ESCAPE}[`);
  });

  it.skipIf(!hasTerminal).each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])(
    'are not there on a terminal with %j (skipped without the script command of util-linux)',
    async (env) => {
      const { out } = await once(['load', 'cpu'], { through: onTerminal, env });
      expect(out).toContain('system.thread');
      expect(out).toContain('cpu:');
      expect(out).not.toContain(ESCAPE);
    },
  );
});
