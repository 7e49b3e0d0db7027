/** The page and the API of a running service, and the commands that change it. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { takeDefaultPort } from '../http-client/servers.ts';
import { eventsOf, logOf, type Started, serve, start, tidegate, until, workplace } from './process-support.ts';

const TOKEN = 'a-token-of-24-characters';
const BASE = (work: string, http: string): string =>
  `interval: 200ms\nsensors:\n  load: {}\nsinks:\n  archive: { type: file, path: ${join(work, 'events.ndjson')} }\n` +
  `  broker: { type: kafka, brokers: ["127.0.0.1:1"] }\nhttp: ${http}\n`;
const runs = (service: Started) => () => service.written.err.includes('"msg":"runs"');
function addressOf(service: Started): string {
  const [said] = logOf(service.written.err).filter(({ msg }) => msg === 'runs');
  return (said?.['pages'] as string[] | undefined)?.[0] ?? '';
}

describe('a running service', () => {
  it('says where its page is, answers there, and is changed there and through its socket', async () => {
    const { service, state, configure, work } = serve((folder) => BASE(folder, `{ listen: "127.0.0.1:0", token: ${TOKEN} }`));
    await until('ran', runs(service), service);
    const base = addressOf(service);
    const status = (await (await fetch(`${base}/api/status`)).json()) as {
      sinks: { name: string; paused?: boolean }[];
      actions: boolean;
    };
    expect([status.actions, status.sinks.map(({ name }) => name)]).toEqual([true, ['archive', 'broker']]);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await fetch(`${base}/api/sinks/broker/pause`, { method: 'POST', headers })).status).toBe(200);
    const cli = async (...args: string[]) => await tidegate(['--state', state, ...args]);
    expect((await cli('spool', 'broker')).out).toContain('paused');
    expect(await cli('drain', 'broker', '500', '--bytes', '8MiB')).toMatchObject({
      code: 0,
      err: expect.stringContaining('until the next reload'),
    });
    expect(await cli('drain', 'brokr', '500')).toMatchObject({ code: 64, err: expect.stringContaining('did you mean broker?') });
    expect((await cli('log-level', 'debug')).code).toBe(0);
    expect((await cli('reload')).code).toBe(0);
    const drain = (): Promise<unknown> => fetch(`${base}/api/status`).then(async (answer) => await answer.json());
    expect(await drain()).not.toMatchObject({ sinks: [{}, { drain: { rate: { events: 500 } } }] });
    configure(BASE(work, '{ listen: "0.0.0.0:0" }'));
    expect(await cli('reload')).toMatchObject({
      code: 78,
      err: expect.stringContaining('neither a token nor TLS is configured'),
    });
    expect((await fetch(`${base}/livez`)).status).toBe(200);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    const by = logOf(service.written.err).filter(({ msg }) => String(msg).startsWith('an operator'));
    expect(by.map(({ msg }) => msg)).toEqual([
      'an operator: pause',
      'an operator: drain',
      'an operator: log level',
      'an operator: reload',
      'an operator: reload',
    ]);
    expect(service.written.err).not.toContain(TOKEN);
  });

  it('tells of a paused sink with a command that lets it go on, from any folder and environment', async () => {
    const { service } = serve((folder) => BASE(folder, `{ listen: "127.0.0.1:0", token: ${TOKEN} }`));
    await until('ran', runs(service), service);
    const base = addressOf(service);
    type Told = { sinks: { name: string; paused?: boolean }[]; findings: { text: string }[] };
    const status = async (): Promise<Told> => (await (await fetch(`${base}/api/status`)).json()) as Told;
    const headers = { authorization: `Bearer ${TOKEN}` };
    await fetch(`${base}/api/sinks/broker/pause`, { method: 'POST', headers });
    const { findings } = await status();
    const [, command = ''] =
      /To go on: tidegate (.+), or Resume broker on the page\.$/.exec(findings.map(({ text }) => text).join('\n')) ?? [];
    expect(await tidegate(command.split(' '), { cwd: '/' })).toMatchObject({ code: 0, err: expect.stringContaining('resumed') });
    expect((await status()).sinks.find(({ name }) => name === 'broker')).toMatchObject({ paused: false });
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
  });

  it('ends with 78 where it would be open to other machines', async () => {
    const { service } = serve((work) => BASE(work, '{ listen: "0.0.0.0:0" }'));
    const { code, err } = await service.ended;
    expect(code).toBe(78);
    expect(err).toMatch(/tidegate\.yaml:\d+:\d+: http\.listen: other machines can reach 0\.0\.0\.0:0/);
  });

  it('ends with 69 where another program has the address that is configured', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const { service } = serve((work) => BASE(work, `{ listen: "127.0.0.1:${port}" }`));
    const { code, err } = await service.ended;
    expect(code).toBe(69);
    expect(err).toContain(`127.0.0.1:${port}: another program listens there`);
  });

  it('goes on without a page where another program has the address that nobody asked for', async () => {
    await takeDefaultPort();
    const { machine, state } = workplace();
    const service = start(['--state', state, '--host', machine]);
    await until('wrote an event', () => eventsOf(join(state, 'events.ndjson')).length > 0, service);
    await until('ran', runs(service), service);
    expect(service.written.err).toContain('another program has the address of the page');
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
  });
});

describe('a command that changes a service', () => {
  it('says that none runs', async () => {
    const { state } = workplace();
    for (const args of [['reload'], ['drain', 'broker', 'auto'], ['log-level', 'info']])
      expect(await tidegate(['--state', state, ...args])).toMatchObject({
        code: 69,
        err: expect.stringContaining('no service runs'),
      });
  });

  it.each([
    ['drain', 'broker', '0'],
    ['drain', 'broker', 'fast'],
    ['drain', 'broker', 'auto', '--bytes', 'much'],
    ['log-level', 'loud'],
  ])('refuses %s %s %s', async (...args) => {
    expect((await tidegate(['--state', workplace().state, ...args])).code).toBe(64);
  });
});
