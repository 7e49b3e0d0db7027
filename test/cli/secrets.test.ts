/** What came from the environment or from a file is nowhere to be read: not on the terminal, not in the log, not on disk. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  eventsOf,
  hasTerminal,
  logOf,
  onTerminal,
  type Started,
  serve,
  start,
  tidegate,
  until,
  workplace,
} from './process-support.ts';
import { everything } from './record-support.ts';

const FROM_ENV = 'hunter2-from-the-environment';
const FROM_FILE = 'correct-horse-from-a-file';
const NEXT = 'battery-staple-after-the-reload';
// As a number of the log would be written.
const NUMBER = '1234567';
const SECRETS = [FROM_ENV, FROM_FILE, NEXT, NUMBER];

const env = { PASSWORD: FROM_ENV, NUMBER };

/** A sink that fails below the file `file`, and so tells its path, which has the secret in it. */
function failing(work: string, secret: string): string {
  const path = join(work, 'file', secret, 'events.ndjson');
  return `{ type: file, path: "${path}", shutdown_timeout: 100ms }`;
}

function configuration(work: string, secret: string): string {
  const sinks = `sinks:\n  good: { type: file, path: ${join(work, 'events.ndjson')} }\n  bad: ${failing(work, secret)}\n`;
  return `interval: 200ms\nsensors:\n  load: {}\n  numbered: { type: process, names: ["\${NUMBER}"] }\n${sinks}`;
}

function prepare(work: string): string {
  for (const [name, text] of [
    ['file', ''],
    ['secret', `${FROM_FILE}\n`],
    ['next', `${NEXT}\n`],
  ] as const)
    writeFileSync(join(work, name), text);
  return work;
}

const failures = (service: Started) => logOf(service.written.err).filter((record) => record['sink'] === 'bad');

describe('a secret', () => {
  it.each([
    ['${PASSWORD}', 'a variable'],
    ['${file:secret}', 'a file'],
  ])(
    '%s, from %s, is not in the output, the log or the folder for state, nor is one that a reload brings',
    async (expression) => {
      const { service, work, state, configure, archive } = serve((folder) => configuration(prepare(folder), expression), { env });
      await until('failed', () => failures(service).length > 0, service);
      expect(JSON.stringify(failures(service))).toContain('***');
      await until('wrote', () => eventsOf(archive).length >= 2, service);
      const before = failures(service).length;
      configure(configuration(work, '${file:next}'));
      service.child.kill('SIGHUP');
      await until('failed anew', () => service.written.err.includes('is reloaded') && failures(service).length > before, service);
      service.child.kill('SIGTERM');
      const { code, out, err } = await service.ended;
      expect(code).toBe(0);
      const told = out + err + everything(state) + everything(work).replaceAll(`${FROM_FILE}\n`, '').replaceAll(`${NEXT}\n`, '');
      for (const secret of SECRETS) expect(told).not.toContain(secret);
    },
  );

  it('may look like a part of the log itself', async () => {
    const { service, archive } = serve((folder) => configuration(prepare(folder), '${PASSWORD}'), {
      env: { ...env, PASSWORD: '"level":30' },
    });
    await until('wrote', () => eventsOf(archive).length >= 2, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    expect(logOf(service.written.err).map(({ msg }) => msg)).toContain('stopped');
  });

  it.each([
    ['a mistake beside it', 'sinks: { out: { type: file, path: "${PASSWORD}/events", pth: 1 } }'],
    ['it is the mistake', 'sinks: { out: { type: file, path: events.ndjson, format: "${PASSWORD}" } }'],
    ['it is a wrong file', 'sinks: { out: { type: file, path: events.ndjson, format: "${file:secret}" } }'],
    ['it is a wrong name of a sink', 'sinks: { out: { type: "${PASSWORD}" } }'],
  ])('is not in what check says: %s', async (_name, sinks) => {
    const { work, state } = workplace();
    prepare(work);
    const file = join(work, 'tidegate.yaml');
    writeFileSync(file, `sensors: { load: {} }\n${sinks}\n`);
    const { code, out, err } = await tidegate(['--state', state, 'check', '-c', file], { env });
    expect(code).toBe(78);
    expect(err).toContain('1 mistake in the configuration');
    for (const secret of SECRETS) expect(out + err).not.toContain(secret);
  });

  it.skipIf(!hasTerminal)(
    'is not in what the service says on a terminal (skipped without the script command of util-linux)',
    async () => {
      const { machine, work, state } = workplace();
      prepare(work);
      // The place exists: it is the greeting that tells it, not a failure.
      mkdirSync(join(work, FROM_ENV));
      const file = join(work, 'tidegate.yaml');
      const path = join(work, '${PASSWORD}', 'events.ndjson');
      writeFileSync(file, `interval: 200ms\nsensors: { load: {} }\nsinks: { out: { type: file, path: "${path}" } }\n`);
      const service = start(['--state', state, 'run', '--host', machine, '-c', file], {
        env,
        through: onTerminal,
      });
      const said = (): string => Buffer.concat(service.written.out).toString('utf8');
      await until('greeted', () => said().includes('Ctrl-C stops it.'), service);
      expect(said()).toContain('***');
      expect(said()).not.toContain(FROM_ENV);
      service.child.kill('SIGTERM');
      await service.ended;
    },
  );
});
