/** The sensors that look at node software, as an operator has them: configured, sampled once, and as a service that is stopped and started. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { decodeJson } from '../../src/consumer.ts';
import { httpServer, json } from '../http-client/servers.ts';
import { presetServer } from '../json/preset-server.ts';
import { start, tidegate, workplace } from './process-support.ts';

const { work, state } = workplace();

function fileOf(name: string, text: string): string {
  writeFileSync(join(work, name), text);
  return join(work, name);
}

describe('tidegate once', () => {
  it('shows what a preset makes of a server that answers as the software does', async () => {
    const { url } = await presetServer('cosmos');
    const file = fileOf(
      'once.yaml',
      `sensors:\n  gaia: { type: json, preset: cosmos, url: "${url}" }\nsinks: { out: { type: console } }\n`,
    );
    const { code, out, err } = await tidegate(['--state', state, 'once', '-c', file, '-f', 'json']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => decodeJson(line));
    const node = events.find(({ type }) => type === 'cosmos.node');
    expect(node?.fields['height']?.values).toEqual([19]);
    expect(node?.attributes['cosmos.chain']).toEqual(['test-chain-048cME']);
  });

  it('says what is wrong, and shows no secret that a server repeats', async () => {
    const url = await httpServer((request, response) =>
      response.writeHead(200).end(`you are ${String(request.headers['x-token'])}`),
    );
    const yaml = `sensors:\n  app: { type: json, preset: algod, url: "${url}", headers: { X-Token: hush-hush } }\nsinks: { out: { type: console } }\n`;
    const { out, err } = await tidegate(['--state', state, 'once', '-c', fileOf('wrong.yaml', yaml)]);
    expect(out).toContain('not_json');
    expect(out).not.toContain('hush');
    expect(err).toContain('it begins with "you are ***"');
  });
});

describe('tidegate sensors', () => {
  it('shows the options within maps, and every preset with its tables', async () => {
    const { code, out } = await tidegate(['sensors', 'json']);
    expect(code).toBe(0);
    for (const text of ['tables.NAME.fields.NAME.scale', 'preset bitcoin: Bitcoin Core', 'bitcoin.node.behind', 'preset algod'])
      expect(out).toContain(text);
  });
});

describe('tidegate run', () => {
  it('keeps since when a target is up across a restart, and check knows the types of a mapping', async () => {
    const url = await httpServer((_request, response) => json(response, { height: 1 }));
    const archive = join(work, 'events.ndjson');
    const yaml = `
sensors:
  reach: { type: node, interval: 100ms, targets: { app: { http: "${url}" } } }
  app: { type: json, interval: 100ms, url: "${url}", tables: { app.chain: { fields: { height: /height } } } }
sinks:
  archive: { type: file, path: "${archive}", select: ["node.*", "app.*"] }
`;
    const file = fileOf('run.yaml', yaml);
    expect((await tidegate(['check', '-c', file])).out).toBe(`right: ${file}: 2 sensors, 1 sink\n`);
    const kept = join(state, 'sensors/reach.json');
    const since = (): unknown =>
      (JSON.parse(readFileSync(kept, 'utf8')) as { targets: { app: { since: number } } }).targets.app.since;
    const archived = () =>
      readFileSync(archive, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => decodeJson(line));
    const runsOf = (type: string): Set<string | undefined> =>
      new Set(archived().flatMap((event) => (event.type === type ? [event.id.split('/')[1]] : [])));
    const runOnce = async (runs: number): Promise<void> => {
      const service = start(['--state', state, 'run', '-c', file]);
      await vi.waitFor(() => expect(service.written.err).toContain('"runs"'), { timeout: 20_000 });
      await vi.waitFor(() => expect(since()).toBeGreaterThan(0), { timeout: 20_000 });
      for (const type of ['app.chain', 'node.target']) {
        await vi.waitFor(() => expect(runsOf(type).size).toBe(runs), { timeout: 20_000 });
      }
      service.child.kill('SIGTERM');
      expect((await service.ended).code).toBe(0);
    };
    await runOnce(1);
    const first = since();
    await runOnce(2);
    expect(since()).toBe(first);
    const events = archived();
    expect(events.filter(({ type }) => type === 'node.transition')).toHaveLength(1);
    for (const event of events.filter(({ type }) => type === 'node.target'))
      expect(event.fields['since']?.values).toEqual([first]);
  });
});
