/** Every command of the documentation's console blocks, run against a service in trouble: each does what the page says. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { request } from 'node:http';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { blocksOf, commandsOf, type DocCommand } from '../doc-blocks.ts';
import { deadPort } from '../http-client/servers.ts';
import { REPOSITORY, writeFiles } from '../support.ts';
import { logOf, type Started, start, until, workplace } from './process-support.ts';

/** What is not run here, and what runs it. */
const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^npm (start|test)$/, 'every run of the tests begins with it'],
  [/^tidegate verify kafka:/, 'test/verify: against a real Kafka'],
  [
    /^tidegate spool broker (list --dead|retry)/,
    'test/cli/dead-letters.test.ts: against a real RabbitMQ, which refuses something',
  ],
];
/** What a command of the page exits with, where it is not 0. */
const CODES: readonly (readonly [RegExp, number])[] = [[/check --connect/, 69]];
/** A command that goes on until it is ended does so once here. */
const ENDLESS = /tidegate top(?! --once)/;
const LIMIT_MS = 60_000;
/** A process for each command, on a machine that may be busy. */
const RUN_MS = 240_000;

const COMMANDS = blocksOf('console').flatMap(commandsOf);
const RUN = COMMANDS.filter(({ command }) => !ELSEWHERE.some(([pattern]) => pattern.test(command)));
const missing = ['curl', 'jq'].filter((program) => spawnSync(program, ['--version']).status !== 0);

interface Scene {
  readonly work: string;
  readonly state: string;
  readonly page: string;
  /** The number of the first event that is spooled. */
  readonly sequence: string;
  readonly service: Started;
}

async function ask(state: string, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request({ socketPath: join(state, 'control.sock'), path }, (response) => resolve(text(response)))
    .on('error', reject)
    .end();
  return await promise;
}

/** A service whose broker is away, with the programs and files that the pages name. */
async function scene(): Promise<Scene> {
  const { work, state } = workplace();
  const away = await deadPort();
  const configuration = {
    interval: '1s',
    sensors: { load: {}, memory: {}, network: {}, disk: {}, web: { type: 'prometheus', targets: [`127.0.0.1:${away}`] } },
    sinks: {
      broker: { type: 'rabbitmq', hosts: [`127.0.0.1:${away}`], exchange: 'telemetry' },
      archive: { type: 'file', path: join(work, 'events.ndjson') },
    },
    http: { listen: '127.0.0.1:0', token: { file: join(work, 'token') } },
  };
  writeFiles(work, {
    'tidegate.yaml': JSON.stringify(configuration),
    token: 'a-token-of-24-characters\n',
    'bin/tidegate': `#!/bin/sh\nexec ${process.execPath} ${join(REPOSITORY, 'src/main.ts')} --state ${state} "$@"\n`,
  });
  chmodSync(join(work, 'bin/tidegate'), 0o755);
  const host = join(REPOSITORY, 'fixtures/hosts/debian-vm');
  const service = start(['--state', state, 'run', '--host', host, '-c', join(work, 'tidegate.yaml')]);
  await until('ran', () => service.written.err.includes('"runs"'), service);
  const runs = logOf(service.written.err).find(({ msg }) => msg === 'runs');
  const [page = ''] = (runs?.['pages'] ?? []) as string[];
  let sequence: string | undefined;
  // The pages show a broker that is away for some time.
  while (sequence === undefined || !(await ask(state, '/api/status')).includes('"condition":"degraded"')) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const items = await ask(state, '/api/sinks/broker/spool/entries?limit=9');
    sequence = /"seq":"([^"]+)"/.exec(items)?.[1];
  }
  return { work, state, page, sequence, service };
}

/** A command of a page, at the places that the scene has. */
function placed(command: string, { work, state, page, sequence }: Scene): string {
  return command
    .replaceAll('/var/lib/tidegate', state)
    .replaceAll('/etc/tidegate', work)
    .replaceAll(/http:\/\/(127\.0\.0\.1|edge-7):8433/g, page.replace(/\/$/, ''))
    .replaceAll(/\bmw[a-z0-9]{12}\/\d+\/\d+/g, sequence)
    .replace(ENDLESS, '$& --count 1');
}

async function run(command: string, work: string): Promise<{ code: number | null; out: string }> {
  const env = { PATH: `${join(work, 'bin')}${delimiter}${process.env['PATH']}`, HOME: '/nonexistent' };
  const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
    cwd: work,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, out: out + err };
}

const wordsOf = (line: string): string[] => line.split(/\s+/).filter((word) => word !== '');

/** Lines that the page shows and the command does not print. Of numbers, names and what is cut off, nothing is known. */
function unprinted({ prints }: DocCommand, out: string): string[] {
  const printed = out.split('\n').map(wordsOf);
  return prints
    .filter((line) => line.trim() !== '' && !/[\d…]/.test(line))
    .filter((line) => !printed.some((words) => wordsOf(line).every((word) => words.includes(word))));
}

describe.skipIf(missing.length > 0)(
  `the commands of the documentation${missing.length > 0 ? ` (skipped without ${missing.join(' and ')})` : ''}`,
  () => {
    it(
      'do what the pages say',
      async () => {
        const where = await scene();
        const wrong: unknown[] = [];
        for (const documented of RUN) {
          const command = placed(documented.command, where);
          const { code, out } = await run(command, where.work);
          const expected = CODES.find(([pattern]) => pattern.test(command))?.[1] ?? 0;
          const lines = unprinted({ ...documented, prints: documented.prints.map((line) => placed(line, where)) }, out);
          if (code !== expected || lines.length > 0)
            wrong.push({ at: documented.at, command, code, expected, unprinted: lines, out });
        }
        where.service.child.kill('SIGTERM');
        await where.service.ended;
        expect(wrong).toEqual([]);
        expect(RUN.length).toBeGreaterThan(15);
      },
      RUN_MS,
    );
  },
);

it('a line that is not printed is found', () => {
  const shown = { at: '', command: '', prints: ['sink  events', 'none at all', 'broker  12'] };
  expect(unprinted(shown, 'sink    events  size\nbroker 9')).toEqual(['none at all']);
});
