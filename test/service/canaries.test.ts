/** A canary in every secret and every variable of a running service that has all kinds of trouble, and a look everywhere. */
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { describeShared, sharedKafka, sharedRabbitmq } from '../brokers/index.ts';
import { eventsOf, logOf, start, tidegate, until, workplace } from '../cli/process-support.ts';
import { everything } from '../cli/record-support.ts';
import { writeFiles } from '../support.ts';
import { plant, unplanted } from './canaries.ts';

/** A process for each command, on a machine that may be busy. */
const RUN_MS = 300_000;

/** An answer over the service's socket. */
async function ask(state: string, path: string, method = 'GET'): Promise<string> {
  const answer = Promise.withResolvers<string>();
  request({ socketPath: join(state, 'control.sock'), path, method }, (response) => answer.resolve(text(response)))
    .on('error', answer.reject)
    .end();
  return await answer.promise;
}

describeShared('RabbitMQ', 'a canary in every secret', () => {
  it(
    'is nowhere to be seen',
    async () => {
      const { work, state } = workplace();
      const brokers = { kafka: (await sharedKafka()).brokers[0] as string, rabbitmq: (await sharedRabbitmq()).url };
      const { yaml, env, canaries, files, exported } = await plant(work, brokers);
      expect(await unplanted(canaries), 'plant a canary there, in canaries.ts').toEqual([]);
      const file = join(work, 'tidegate.yaml');
      writeFiles(work, { 'tidegate.yaml': yaml });
      const told = new Map<string, string>();
      const service = start(['--state', state, 'run', '-c', file], { env });
      const status = async () => JSON.parse(await ask(state, '/api/status')) as { sinks: { reason?: string; name: string }[] };
      await until('ran', () => service.written.err.includes('"runs"'), service);
      const reader = ask(state, '/api/events?limit=400');
      const deadline = performance.now() + 90_000;
      const calm = async (): Promise<string[]> =>
        (await status()).sinks.filter(({ reason, name }) => reason === undefined && name !== 'archive').map(({ name }) => name);
      for (let well = await calm(); well.length > 0; well = await calm()) {
        expect(performance.now(), `every broker is in trouble but ${well.join(', ')}`).toBeLessThan(deadline);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      told.set('/api/events', await reader);
      for (const path of [
        'livez',
        'readyz',
        'metrics',
        'api/status',
        'api/history',
        'api/config',
        'api/openapi.json',
        'nothing',
        '',
      ])
        told.set(`/${path}`, await ask(state, `/${path}`));
      for (const { name } of (await status()).sinks) {
        for (const path of ['spool', 'spool/entries?limit=9&events=1', 'dead?limit=9&events=1'])
          told.set(`/api/sinks/${name}/${path}`, await ask(state, `/api/sinks/${name}/${path}`));
        for (const action of ['probe', 'pause', 'resume'])
          told.set(`${action} ${name}`, await ask(state, `/api/sinks/${name}/${action}`, 'POST'));
      }
      const page = (
        JSON.parse(service.written.err.split('\n').find((line) => line.includes('"runs"')) ?? '{}') as { pages: string[] }
      ).pages[0];
      told.set('the page, without a token', await (await fetch(`${page}/api/status`)).text());
      told.set('an action, without a token', await (await fetch(`${page}/api/sinks/archive/pause`, { method: 'POST' })).text());
      for (const args of [
        ['check', '-c', file],
        ['check', '--connect', '-c', file],
        ['once', '-c', file],
        ['sensors', 'json', '-c', file],
        ['sensors', '-c', file],
        ['top', '--once'],
        ['top', '--once', '--format', 'json'],
        ['tap', '--count', '50'],
        ['spool'],
        ['spool', 'kafka-away', 'list'],
        ['spool', 'kafka-away', 'export', '-'],
        ['health'],
      ]) {
        const { out, err } = await tidegate(['--state', state, ...args], { env });
        told.set(args.join(' '), out + err);
      }
      service.child.kill('SIGHUP');
      await until('reloaded', () => service.written.err.includes('is reloaded'), service);
      service.child.kill('SIGTERM');
      const { code, out, err } = await service.ended;
      expect(code).toBe(0);
      told.set('standard output', out);
      told.set('the log', err);
      told.set('OTLP', Buffer.concat(exported).toString('latin1'));
      told.set('the folder for state', everything(state));
      told.set('the archive', readFileSync(join(work, 'events.ndjson'), 'utf8'));
      told.set('spool, offline', (await tidegate(['--state', state, 'spool', 'kafka-away', 'list'], { env })).out);

      // It did get into trouble, and said so.
      expect(eventsOf(join(work, 'events.ndjson')).map(({ type }) => type)).toEqual(
        expect.arrayContaining(['json.error', 'prometheus.scrape', 'command.error', 'node.error']),
      );
      expect(logOf(err).map(({ level }) => level)).toEqual(expect.arrayContaining([30, 40, 50]));
      expect(told.get('OTLP')).toContain('tidegate.sink');
      for (const path of files) expect(existsSync(path)).toBe(true);
      const seen: string[] = [];
      for (const [where, canary] of canaries)
        for (const [place, content] of told) {
          const at = content.indexOf(canary);
          const coded = at < 0 ? content.indexOf(Buffer.from(`me:${canary}`).toString('base64')) : at;
          if (coded >= 0) seen.push(`${where} in ${place}: ${content.slice(Math.max(0, coded - 150), coded + 60)}`);
        }
      expect(seen).toEqual([]);
    },
    RUN_MS,
  );
});
