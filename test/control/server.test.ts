/** The service's socket: what it answers, what it refuses, and its limits. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ControlClient, ControlRefused, findService } from '../../src/control/client.ts';
import { type Control, openControl } from '../../src/control/server.ts';
import type { DeadLetter } from '../../src/delivery/dead-letters.ts';
import { Entry } from '../../src/delivery/entry.ts';
import { openLevelStore } from '../../src/delivery/level-store.ts';
import type { Handle } from '../../src/http/listener.ts';
import { Web } from '../../src/http/web.ts';
import type { Log } from '../../src/log.ts';
import { agentOf, configOf, serviceOf } from '../http/service.ts';
import { temporaryFolder } from '../temporary.ts';

const letterOf = (number: number): DeadLetter => {
  const body = Buffer.from('{}');
  const fields = {
    id: `a/r/s/${number}`,
    type: 't',
    time: 0,
    agent: 'a',
    host: 'h',
    sensor: 's',
    body,
    lane: 0,
    run: 'r',
    n: number,
  };
  return { number, reason: 'too large', time: 1, entry: new Entry({ ...fields, contentType: 'application/json' }, 0) };
};

/** An API over a sink `broker`, whose deeds are told, and a sink `file` that is no broker's. */
async function apiOf(letters: readonly DeadLetter[] = []): Promise<{ handle: Handle; deeds: string[] }> {
  const { store } = await openLevelStore(join(temporaryFolder(), 'spool'), { minFree: 0, ballast: 0 });
  onTestFinished(async () => await store.close());
  const { agent, deeds } = agentOf({ letters, store });
  const web = new Web(serviceOf(await configOf(), agent).service);
  onTestFinished(async () => await web.close());
  return { handle: web.handle, deeds };
}

const logOf = (lines: string[]): Log => {
  const write = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { debug: write, info: write, warn: write, error: write };
};

async function opened(state: string, handle: Handle, log: string[] = []): Promise<Control> {
  const control = await openControl({ state, handle, log: logOf(log) });
  onTestFinished(async () => await control.close());
  return control;
}

async function client(letters: readonly DeadLetter[] = []): Promise<{ client: ControlClient; deeds: string[]; state: string }> {
  const state = temporaryFolder();
  const { handle, deeds } = await apiOf(letters);
  await opened(state, handle);
  return { client: (await findService(state))?.client as ControlClient, deeds, state };
}

const refusal = async (call: Promise<unknown>): Promise<[number, string]> => {
  const error = await call.catch((reason: unknown) => reason);
  if (!(error instanceof ControlRefused)) throw new Error(`not refused: ${String(error)}`);
  return [error.status, error.message];
};

describe('the handler', () => {
  it('answers with a summary, dead letters by line, and one of them', async () => {
    const { client: service } = await client([1, 2, 3].map(letterOf));
    expect(await service.get('/api/sinks/broker/spool')).toMatchObject({
      summary: { events: 0, dead: { events: 3, reasons: [{ reason: 'too large', events: 3 }] } },
    });
    const lines: unknown[] = [];
    for await (const line of service.lines('/api/sinks/broker/dead?limit=2')) lines.push(line);
    expect(lines).toMatchObject([{ number: 1, seq: 'r/0/1' }, { number: 2 }]);
    expect(await service.get('/api/sinks/broker/item?which=r/0/3')).toMatchObject({ number: 3 });
  });

  it('does what it is told', async () => {
    const { client: service, deeds } = await client([4, 5].map(letterOf));
    expect(await service.post('/api/sinks/broker/dead/retry', { numbers: 'all' })).toEqual({ events: 2 });
    await service.post('/api/sinks/broker/dead/discard', { numbers: [4] });
    await service.post('/api/sinks/broker/spool/discard', { numbers: 'all' });
    for (const what of ['pause', 'resume', 'probe']) await service.post(`/api/sinks/broker/${what}`);
    expect(deeds).toEqual(['retry 4 5', 'discard 4', 'discard spooled', 'pause', 'resume', 'probe']);
  });

  it('refuses what there is not, and what makes no sense', async () => {
    const { client: service, deeds } = await client();
    expect(await refusal(service.get('/nothing'))).toEqual([404, 'there is no GET /nothing']);
    expect(await refusal(service.get('/api/sinks/brokr/spool'))).toEqual([
      404,
      'there is no sink "brokr" here; did you mean broker?',
    ]);
    expect(await refusal(service.get('/api/sinks/file/spool'))).toEqual([404, expect.stringContaining('has no spool')]);
    expect(await refusal(service.get('/api/sinks/broker/dead?limit=x'))).toEqual([400, 'limit: expected a whole number']);
    expect(await refusal(service.get('/api/sinks/%ff/spool'))).toEqual([404, expect.any(String)]);
    expect(await refusal(service.get('/api/sinks/broker/item?which=9'))).toEqual([404, expect.any(String)]);
    for (const body of [{}, { numbers: [-1] }, { numbers: ['1'] }, { numbers: [1], more: 1 }])
      expect(await refusal(service.post('/api/sinks/broker/dead/retry', body))).toEqual([
        400,
        expect.stringContaining('"numbers"'),
      ]);
    expect(await refusal(service.post('/api/sinks/broker/spool/discard', { numbers: [1] }))).toEqual([400, expect.any(String)]);
    expect(deeds).toEqual([]);
  });
});

describe('the socket', () => {
  const send = async (path: string, method: string, body: string): Promise<{ status: number | undefined; body: unknown }> => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      request({ socketPath: path, method, path: '/api/sinks/broker/dead/retry', headers }, resolve).on('error', reject).end(body);
    });
    return { status: response.statusCode, body: await json(response) };
  };

  it('is for its own user alone, and takes no large body, no text that is not JSON and no other method', async () => {
    const { client: service, deeds } = await client();
    expect(statSync(service.path).mode & 0o777).toBe(0o600);
    expect(await send(service.path, 'POST', `"${'x'.repeat(2 ** 20)}"`)).toMatchObject({ status: 413 });
    expect(await send(service.path, 'POST', '{')).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('not JSON') },
    });
    expect(await send(service.path, 'DELETE', '')).toMatchObject({ status: 405 });
    expect(deeds).toEqual([]);
  });

  it('is refused to a second service, and taken over from one that is dead', async () => {
    const { state } = await client();
    const { handle } = await apiOf();
    await expect(openControl({ state, handle, log: logOf([]) })).rejects.toThrow('is running already: stop it');
    const other = temporaryFolder();
    // What a killed process leaves: a socket at which nobody listens.
    const left = createServer().listen(join(other, 'gone.sock'));
    await new Promise((resolve) => left.once('listening', resolve));
    writeFileSync(join(other, 'control'), `${join(other, 'gone.sock')}\n`);
    await new Promise((resolve) => left.close(resolve));
    expect(await findService(other)).toBeUndefined();
    await opened(other, handle);
    expect((await findService(other))?.status).toMatchObject({ service: { run: 'r' } });
    expect(existsSync(join(other, 'control'))).toBe(false);
  });

  it('is elsewhere where its path is too long, in a folder of its own', async () => {
    const state = join(temporaryFolder(), 'x'.repeat(100));
    mkdirSync(state);
    const { handle } = await apiOf();
    const log: string[] = [];
    const control = await opened(state, handle, log);
    const path = readFileSync(join(state, 'control'), 'utf8').trim();
    expect(log).toEqual([expect.stringContaining(path)]);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
    expect((await findService(state))?.client.path).toBe(path);
    await control.close();
    expect(existsSync(join(path, '..'))).toBe(false);
    expect(await findService(state)).toBeUndefined();
  });

  it('is done without where none can be made', async () => {
    const log: string[] = [];
    const { handle } = await apiOf();
    await opened(join(temporaryFolder(), 'not', 'there'), handle, log);
    expect(log).toEqual([expect.stringContaining('there is no socket to speak to this service')]);
  });
});
