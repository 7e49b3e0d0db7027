/** Targets from files and from DNS: they come, change and go while the service runs. */
import { createSocket } from 'node:dgram';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Sampler, Target } from '../../src/sensor.ts';
import { temporaryFolder } from '../temporary.ts';
import { scraper } from './support.ts';

const folder = temporaryFolder();

/** The names of the targets, always those of now; and the targets. */
function watch(sampler: Sampler): { names: () => string[]; all: () => readonly Target[] } {
  let targets: readonly Target[] = [];
  sampler.targets?.((changed) => {
    targets = changed;
  });
  return { names: () => targets.map(({ name }) => name), all: () => targets };
}

async function reasonOf(sampler: Sampler): Promise<string> {
  const [table] = await sampler.sample(new AbortController().signal, 0);
  return table?.seal().layout.attributes[0]?.[0] as string;
}

describe('files', () => {
  test('are read as Prometheus reads them, and again when they change', async () => {
    const files = join(folder, 'a');
    mkdirSync(files);
    const [json, yaml] = [join(files, 'one.json'), join(files, 'two.yaml')];
    writeFileSync(
      json,
      JSON.stringify([
        { targets: ['127.0.0.1:1', '127.0.0.1:2'], labels: { job: 'x', __metrics_path__: '/m', __scheme__: 'https' } },
      ]),
    );
    writeFileSync(yaml, '- targets: [127.0.0.1:3]\n  labels: {n: 5}\n');
    const sampler = await scraper({
      file_sd: { files: [join(files, '*.json'), yaml], refresh: '100ms' },
      targets: ['127.0.0.1:9'],
    });
    const { names, all } = watch(sampler);
    expect(names()).toEqual([
      'http://127.0.0.1:9/metrics',
      'https://127.0.0.1:1/m',
      'https://127.0.0.1:2/m',
      'http://127.0.0.1:3/metrics',
    ]);
    expect(all().at(-1)?.labels).toEqual({ instance: '127.0.0.1:3', n: '5' });
    const [first] = all();
    writeFileSync(`${json}.new`, JSON.stringify([{ targets: ['127.0.0.1:2'] }]));
    renameSync(`${json}.new`, json);
    await expect
      .poll(names, { timeout: 10_000 })
      .toEqual(['http://127.0.0.1:9/metrics', 'http://127.0.0.1:3/metrics', 'http://127.0.0.1:2/metrics']);
    // What is the same target goes on.
    expect(all()[0]).toBe(first);
    rmSync(yaml);
    await expect.poll(names, { timeout: 10_000 }).toEqual(['http://127.0.0.1:9/metrics', 'http://127.0.0.1:2/metrics']);
    writeFileSync(json, '[{"targets": "oops"}]');
    await expect.poll(async () => await reasonOf(sampler), { timeout: 10_000 }).toMatch(/one\.json: 0\.targets: .*array/);
    expect(names()).toEqual(['http://127.0.0.1:9/metrics', 'http://127.0.0.1:2/metrics']);
    writeFileSync(json, '[]');
    await expect.poll(names, { timeout: 10_000 }).toEqual(['http://127.0.0.1:9/metrics']);
    expect(await reasonOf(sampler)).toMatch(/two\.yaml is not there/);
  });

  describe('are watched, whatever way they are replaced in', () => {
    const list = (...ports: readonly number[]): string => JSON.stringify([{ targets: ports.map((port) => `127.0.0.1:${port}`) }]);
    const urls = (...ports: readonly number[]): string[] => ports.map((port) => `http://127.0.0.1:${port}/metrics`);
    /** Nothing is seen but by watching: the next look is in an hour. */
    const watched = async (...files: readonly string[]) => watch(await scraper({ file_sd: { files, refresh: '1h' } })).names;
    const place = (name: string): string => {
      const path = join(folder, name);
      mkdirSync(path);
      return path;
    };
    const soon = { timeout: 20_000 };

    test('written in place, renamed over, gone and there again', async () => {
      const files = place('watched');
      const file = join(files, 'list.json');
      writeFileSync(file, list(1));
      const names = await watched(file);
      expect(names()).toEqual(urls(1));
      writeFileSync(file, list(1, 2));
      await expect.poll(names, soon).toEqual(urls(1, 2));
      for (const port of [3, 4]) {
        writeFileSync(join(files, '.list.json.swp'), list(port));
        renameSync(join(files, '.list.json.swp'), file);
        await expect.poll(names, soon).toEqual(urls(port));
      }
      rmSync(file);
      await expect.poll(names, soon).toEqual([]);
      writeFileSync(file, list(5));
      await expect.poll(names, soon).toEqual(urls(5));
    });

    test('new ones that a pattern means', async () => {
      const files = place('patterned');
      const names = await watched(join(files, '*.yaml'));
      writeFileSync(join(files, 'a.yaml'), list(1));
      await expect.poll(names, soon).toEqual(urls(1));
      writeFileSync(join(files, 'b.yaml'), list(2));
      await expect.poll(names, soon).toEqual(urls(1, 2));
    });

    test('as Kubernetes does it: a link to the folder of all is renamed', async () => {
      const volume = place('volume');
      const publish = (version: string, text: string): void => {
        mkdirSync(join(volume, version));
        writeFileSync(join(volume, version, 'list.json'), text);
        symlinkSync(version, join(volume, '..data_tmp'));
        renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
      };
      publish('..1', list(1));
      symlinkSync('..data/list.json', join(volume, 'list.json'));
      const names = await watched(join(volume, 'list.json'));
      expect(names()).toEqual(urls(1));
      publish('..2', list(2));
      rmSync(join(volume, '..1'), { recursive: true });
      await expect.poll(names, soon).toEqual(urls(2));
      publish('..3', list(3, 4));
      await expect.poll(names, soon).toEqual(urls(3, 4));
    });

    test('where a link leads to', async () => {
      const [links, real] = [place('links'), place('real')];
      writeFileSync(join(real, 'targets'), list(1));
      symlinkSync(join(real, 'targets'), join(links, 'list.json'));
      const names = await watched(join(links, '*.json'));
      expect(names()).toEqual(urls(1));
      writeFileSync(join(real, 'new'), list(2));
      renameSync(join(real, 'new'), join(real, 'targets'));
      await expect.poll(names, soon).toEqual(urls(2));
    });

    test('and their folder, which is found at the next look', async () => {
      const path = join(folder, 'later');
      const { names } = watch(await scraper({ file_sd: { files: [join(path, 'list.json')], refresh: '100ms' } }));
      for (const port of [1, 2]) {
        mkdirSync(path);
        writeFileSync(join(path, 'list.json'), list(port));
        await expect.poll(names, soon).toEqual(urls(port));
        rmSync(path, { recursive: true });
        await expect.poll(names, soon).toEqual([]);
      }
    });
  });

  test('with an address that is none say so, and the others are targets', async () => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, JSON.stringify([{ targets: ['127.0.0.1:1', 'http://', 'http://[::1'] }]));
    const sampler = await scraper({ file_sd: { files: [file] } });
    expect(watch(sampler).names()).toEqual(['http://127.0.0.1:1/metrics']);
    expect(await reasonOf(sampler)).toMatch(/"http:\/\/" is no target; write it as/);
  });
});

/** Encodes a name of DNS. */
const dnsName = (name: string): Buffer =>
  Buffer.concat([
    ...name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);

/** A DNS server on loopback that answers every question with these records, says that there is no such name, or nothing. RFC 1035. */
async function dnsServer(records: () => { type: number; data: Buffer }[] | undefined): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    const end = question.indexOf(0, 12) + 5;
    const answers = records();
    if (answers === undefined) return;
    const head = Buffer.alloc(12);
    question.copy(head, 0, 0, 2);
    head.writeUInt16BE(answers.length > 0 ? 0x8180 : 0x8183, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(answers.length, 6);
    const bodies = answers.map(({ type, data }) => {
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    socket.send(Buffer.concat([head, question.subarray(12, end), ...bodies]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  afterAll(() => socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

const a = (last: number): { type: number; data: Buffer } => ({ type: 1, data: Buffer.from([127, 0, 0, last]) });
const srv = (port: number, name: string): { type: number; data: Buffer } => {
  const data = Buffer.alloc(6);
  data.writeUInt16BE(port, 4);
  return { type: 33, data: Buffer.concat([data, dnsName(name)]) };
};

describe('DNS', () => {
  test('names targets by A records, and they change', async () => {
    let records = [a(2), a(3)];
    const server = await dnsServer(() => records);
    const sampler = await scraper({
      dns_sd: { names: ['nodes.test'], type: 'A', port: 9100, server, refresh: '100ms', labels: { from: 'dns' } },
    });
    const { names, all } = watch(sampler);
    expect(names()).toEqual(['http://127.0.0.2:9100/metrics', 'http://127.0.0.3:9100/metrics']);
    expect(all()[0]?.labels).toEqual({ instance: '127.0.0.2:9100', from: 'dns' });
    records = [a(3), a(4)];
    await expect.poll(names, { timeout: 10_000 }).toEqual(['http://127.0.0.3:9100/metrics', 'http://127.0.0.4:9100/metrics']);
    records = [];
    await expect.poll(names, { timeout: 10_000 }).toEqual([]);
    expect(await reasonOf(sampler)).toMatch(/A records of nodes\.test: .*ENOTFOUND/);
  });

  test('names targets by SRV records', async () => {
    const server = await dnsServer(() => [srv(9100, 'one.test'), srv(9200, 'two.test')]);
    const sampler = await scraper({ dns_sd: { names: ['_metrics._tcp.test'], server } });
    expect(watch(sampler).names()).toEqual(['http://one.test:9100/metrics', 'http://two.test:9200/metrics']);
  });

  test('that does not answer keeps the targets of before', async () => {
    let silent = false;
    const server = await dnsServer(() => (silent ? undefined : [a(5)]));
    const sampler = await scraper({ dns_sd: { names: ['n.test'], type: 'A', port: 1, server, refresh: '100ms' } });
    const { names } = watch(sampler);
    expect(names()).toEqual(['http://127.0.0.5:1/metrics']);
    silent = true;
    await expect.poll(async () => await reasonOf(sampler), { timeout: 20_000 }).toMatch(/A records of n\.test: .*ETIMEOUT/);
    expect(names()).toEqual(['http://127.0.0.5:1/metrics']);
  });
});
