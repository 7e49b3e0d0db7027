/** `tidegate health` beside a service that runs, that is stopped, that hangs, and that judges itself. */
import { mkdirSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as listen } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../temporary.ts';
import { type Ended, serve, tidegate, until } from './process-support.ts';

const health = async (state: string): Promise<Ended> => await tidegate(['--state', state, 'health']);

test('a running service is healthy, one that was stopped is not', async () => {
  const { service, state } = serve(() => 'interval: 1h\nsensors: { load: {}, memory: {} }\nsinks: { out: { type: console } }\n');
  await until('ran', () => service.written.err.includes('"msg":"runs"'), service);
  const well = await health(state);
  expect(well).toMatchObject({ code: 0, err: '' });
  expect(well.out).toMatch(/^healthy: run \w+, 2 of 2 sensors sample, 1 sink\n$/);
  service.child.kill('SIGTERM');
  await service.ended;
  expect(await health(state)).toMatchObject({
    code: 1,
    out: '',
    err: `unhealthy: no service runs with the folder for state ${state}\n`,
  });
});

test('where there is no folder for state, none runs', async () => {
  const state = join(temporaryFolder(), 'none');
  expect(await health(state)).toMatchObject({ code: 1, err: `unhealthy: no service runs with the folder for state ${state}\n` });
});

/** A folder for state whose socket answers as it is told. */
async function answering(listener: RequestListener | 'never'): Promise<string> {
  const state = join(temporaryFolder(), 'state');
  mkdirSync(state);
  const server = listener === 'never' ? listen() : createServer(listener);
  await new Promise<void>((resolve) => server.listen(join(state, 'control.sock'), resolve));
  onTestFinished(() => void server.close());
  return state;
}

const STATUS = {
  service: { run: 'r1' },
  condition: 'degraded',
  findings: [{ text: 'The broker is away.' }],
  sensors: [{ state: 'sampling' }],
  sinks: [{}, {}],
};

test('is asked for its judgement: one that lives and is not well is healthy, and says what it lacks', async () => {
  let live = true;
  const state = await answering(({ url }, response) => {
    if (url === '/api/status') response.end(JSON.stringify(STATUS));
    else if (url === '/livez' && live) response.end('{ "live": true }');
    else response.writeHead(503).end('{ "live": false, "reason": "the scheduler is late by 31 s" }');
  });
  expect(await health(state)).toMatchObject({
    code: 0,
    out: 'healthy: run r1, 1 of 1 sensors sample, 2 sinks; degraded: The broker is away.\n',
  });
  live = false;
  expect(await health(state)).toMatchObject({ code: 1, err: 'unhealthy: the scheduler is late by 31 s\n' });
});

test('one that accepts and never answers is given up', async () => {
  const { code, err } = await health(await answering('never'));
  expect({ code, err }).toEqual({ code: 1, err: 'unhealthy: the service did not answer within 4000 ms\n' });
});
