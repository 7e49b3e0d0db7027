import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { display } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/mistake.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { around, load, mistakes, short, testRegistry } from './support.ts';

describe('a right configuration', () => {
  test('has every default', async () => {
    const { config, warnings } = await load('sensors:\n  cpu:\nsinks:\n  file: { path: events.ndjson }\n');
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      interval: 10_000,
      labels: {},
      agent: 'host-1',
      host: 'host-1',
      log: { level: 'info', format: 'auto' },
    });
    const [cpu] = config.sensors;
    expect(cpu).toMatchObject({ name: 'cpu', type: 'cpu', interval: 10_000, timeout: 10_000, offset: undefined, labels: {} });
    expect(cpu?.options).toEqual({ per_cpu: false });
    expect(cpu?.definition.summary).toBe('Processor time.');
    const [file] = config.sinks;
    expect(file).toMatchObject({ name: 'file', type: 'file', options: { path: 'events.ndjson' } });
    expect(file?.common).toMatchObject({
      queue: { max_events: 10_000, max_bytes: 64 * 2 ** 20, when_full: 'drop_oldest' },
      batch: { max_events: 500, max_bytes: 2 ** 20, wait: 1000 },
      timeout: 30_000,
      backoff: { initial: 500, max: 30_000 },
    });
    expect(file?.common.select('anything.at.all')).toBe(true);
  });

  test('gives each entry its own values before those at the top', async () => {
    const { config } = await load(`
interval: 1m
timeout: 2s
labels: { env: prod, rack: a }
agent: edge-7
host: web-1
log: { level: debug, format: json }
sensors:
  cpu: { interval: 500ms, timeout: 100ms, offset: 20ms, labels: { rack: b }, per_cpu: true }
  slow: { type: disk }
  often: { type: disk, interval: 2 }
sinks:
  archive:
    type: file
    path: a
    select: ["system.*", "!system.disk.*"]
    queue: { max_age: 1h, when_full: block }
    shutdown_timeout: 3s
`);
    expect(config).toMatchObject({ agent: 'edge-7', host: 'web-1', log: { level: 'debug', format: 'json' }, timeout: 2000 });
    expect(
      config.sensors.map(({ name, type, interval, timeout, offset, labels }) => [name, type, interval, timeout, offset, labels]),
    ).toEqual([
      ['cpu', 'cpu', 500, 100, 20, { env: 'prod', rack: 'b' }],
      ['slow', 'disk', 60_000, 2000, undefined, { env: 'prod', rack: 'a' }],
      ['often', 'disk', 2000, 2000, undefined, { env: 'prod', rack: 'a' }],
    ]);
    const { common } = config.sinks[0] ?? expect.fail();
    expect(common).toMatchObject({
      shutdown_timeout: 3000,
      queue: { max_age: 3_600_000, when_full: 'block', max_events: 10_000 },
    });
    expect(['system.cpu', 'system.disk', 'system.disk.weight', 'scrape.page'].map((type) => common.select(type))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('a sample may take its interval, and no longer than 30 s, where nothing else is said', async () => {
    const { config } = await load(around('  cpu: { interval: 5s }\n  disk: { interval: 10m }'));
    expect(config.sensors.map((sensor) => sensor.timeout)).toEqual([5000, 30_000]);
  });

  test('an entry that is not enabled is checked and not run', async () => {
    const off = '  cpu: {}\n  disk: { enabled: false }';
    expect((await load(around(off))).config.sensors.map((sensor) => sensor.name)).toEqual(['cpu']);
    expect(await mistakes(around(`${off.replace('false', 'false, lest: 1')}`))).toEqual([
      '3:27 sensors.disk: there is no option "lest"',
    ]);
  });

  test('loads only the types that it names', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'tidegate.yaml': around() });
    const registry = testRegistry();
    await loadConfig(join(folder, 'tidegate.yaml'), {}, { registry });
    expect(registry.loaded).toEqual(['cpu', 'file']);
  });

  test('queue and others may be left empty, with every line below commented out', async () => {
    const { config } = await load(
      'log:\nlabels:\nsensors:\n  cpu:\n    labels:\nsinks:\n  file:\n    path: x\n    queue:\n    #  max_events: 1\n',
    );
    expect(config.sinks[0]?.common.queue.max_events).toBe(10_000);
    expect(config.log.level).toBe('info');
  });

  test('a host name that is no identity becomes one', async () => {
    const options = { registry: testRegistry(), hostName: 'Büro PC/7' };
    const { config } = await loadConfig(undefined, {}, options);
    expect(config).toMatchObject({ host: 'Büro PC/7', agent: 'B-ro-PC-7' });
  });
});

describe('without a file', () => {
  test('every sensor that runs by default, and a file in the state folder', async () => {
    const stateDir = temporaryFolder();
    const { config, warnings } = await loadConfig(undefined, {}, { registry: testRegistry(), stateDir });
    expect(warnings).toEqual([]);
    expect(config.files).toEqual([]);
    expect(config.sensors.map((sensor) => sensor.name)).toEqual(['cpu', 'disk']);
    expect(config.sinks.map(({ name, type, options }) => [name, type, options])).toEqual([
      ['events', 'file', { path: join(stateDir, 'events.ndjson') }],
    ]);
  });

  test('a registry that lacks the file sink is a mistake that says so', async () => {
    const registry = { ...testRegistry(), sinkNames: () => ['broker'] };
    const error = await loadConfig(undefined, {}, { registry }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).mistakes.map(short)).toEqual(['undefined:undefined sinks.events: there is no sink "file"']);
  });
});

describe('warnings', () => {
  const warned = async (text: string) => (await load(text)).warnings.map(short);

  test('a timeout longer than the interval', async () => {
    expect(await warned(around('  cpu: { interval: 5s, timeout: 9s }'))).toEqual([
      '2:33 sensors.cpu: the timeout of 9s is longer than the interval of 5s',
    ]);
    expect(await warned(around('  cpu: { interval: 5s }', undefined, 'timeout: 9s'))).toEqual([]);
  });

  test('a batch that the queue cannot hold', async () => {
    const sink = '  file:\n    path: x\n    queue: { max_events: 100 }\n    batch: { max_bytes: 65MiB }';
    expect(await warned(around(undefined, sink))).toEqual([
      '7:5 sinks.file: batch.max_events is more than queue.max_events, so that no batch is ever full',
      '7:25 sinks.file: batch.max_bytes is more than queue.max_bytes, so that no batch is ever full',
    ]);
  });

  test('a selection that nothing emitted here can match', async () => {
    const sink = '  file: { path: x, select: ["sytem.*", "system.*", "!scrape.*", "tidegate.loss", "*"] }';
    const { warnings } = await load(around('  disk: {}', sink));
    expect(warnings.map(short)).toEqual([
      '4:29 sinks.file: "sytem.*" selects nothing that a sensor here emits',
      '4:52 sinks.file: "!scrape.*" selects nothing that a sensor here emits',
    ]);
    expect(warnings[0]?.hint).toBe('did you mean "system.*"?');
    expect(await warned(around(undefined, '  file: { path: x, select: [] }'))).toEqual([
      '4:20 sinks.file: an empty select takes no event',
    ]);
  });

  test('nothing that is enabled', async () => {
    expect(await warned(around('  cpu: { enabled: false }'))).toEqual(['1:1 no entry of sensors is enabled: nothing is sampled']);
  });
});

describe('what must hold between options', () => {
  test('an offset is within the interval', async () => {
    expect(await mistakes(around('  cpu: { interval: 5s, offset: 5s }'))).toEqual([
      '2:32 sensors.cpu: the offset of 5s is not within the interval of 5s',
    ]);
  });

  test('a back-off begins below its maximum', async () => {
    expect(await mistakes(around(undefined, '  file: { path: x, backoff: { initial: 1m } }'))).toEqual([
      '4:40 sinks.file: backoff.initial is more than backoff.max',
    ]);
  });

  test("a component's own rules", async () => {
    const sink = '  broker:\n    servers: [a]\n    password: hunter22\n    password_file: /x';
    expect(await mistakes(around(undefined, sink))).toEqual(['7:20 sinks.broker.password_file: there is a password already']);
  });
});

describe('display', () => {
  test('is the effective configuration as an operator writes it', async () => {
    const { config } = await load(
      around('  often: { type: disk, interval: 90 }', '  broker: { servers: [a], password: hunter22 }', 'interval: 30s'),
    );
    const shown = display(config);
    expect(shown).toMatchObject({
      interval: '30s',
      log: { level: 'info', format: 'auto' },
      host: 'host-1',
      sensors: {
        often: {
          type: 'disk',
          interval: '1m30s',
          timeout: '30s',
          exclude: '^(loop|ram)',
          least: '1MiB',
          settle: '1s500ms',
          enabled: true,
        },
      },
      sinks: { broker: { servers: ['a'], password: '***', queue: { max_bytes: '64MiB' }, tls: false, select: ['*'] } },
    });
    (shown['log'] as Record<string, unknown>)['level'] = 'changed';
    expect(display(config)['log']).toEqual({ level: 'info', format: 'auto' });
  });
});
