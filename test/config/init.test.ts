import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { type InitSensor, initConfig } from '../../src/config/init.ts';
import { type Loaded, loadConfig } from '../../src/config/load.ts';
import { secret } from '../../src/options.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { testRegistry } from './support.ts';

async function text(about: (name: string) => Partial<InitSensor> = () => ({})): Promise<string> {
  const registry = testRegistry();
  const sensors = await Promise.all(registry.sensorNames().map((name) => registry.loadSensor(name)));
  const sinks = await Promise.all(registry.sinkNames().map((name) => registry.loadSink(name)));
  return initConfig({
    sensors: sensors.map(({ name, summary, options }) => ({
      name,
      summary,
      available: true,
      optionsSchema: options,
      ...about(name),
    })),
    sinks: sinks.map(({ name, summary, options }) => ({ name, summary, optionsSchema: options })),
  });
}

async function loaded(content: string): Promise<Loaded> {
  const folder = temporaryFolder();
  writeFiles(folder, { 'tidegate.yaml': content });
  return await loadConfig(join(folder, 'tidegate.yaml'), {}, { registry: testRegistry() });
}

/** With every option put in but `plugins`: those that are named must be there. */
export const uncommented = (content: string): string =>
  content.replace(/^#plugins: .*$/m, '').replace(/^( *)#(?=[^\s#])/gm, '$1');

describe('what tidegate init writes', () => {
  test('loads as it is', async () => {
    const { config, warnings } = await loaded(await text());
    expect(warnings).toEqual([]);
    expect(config.sensors.map((sensor) => sensor.name)).toEqual(['cpu', 'disk']);
    expect(config.sinks.map((sink) => sink.name)).toEqual(['file']);
  });

  test('loads with every option put in, and then has every option', async () => {
    const { config } = await loaded(uncommented(await text()));
    expect(config.sensors.map((sensor) => sensor.name)).toEqual(['cpu', 'disk', 'scrape']);
    expect(config.sinks.map((sink) => sink.name)).toEqual(['file', 'broker']);
    expect(config.sinks[1]?.options).toMatchObject({ servers: ['127.0.0.1:9092'], password: 'change-me' });
    expect(config.timeout).toBe(5000);
  });

  test('says of every option what it is, with its default', async () => {
    const content = await text();
    expect(content).toContain('    # Whether each processor is a row (default false).\n    #per_cpu: false\n');
    expect(content).toContain('    # Devices to skip.\n    #exclude: ^(loop|ram)\n');
    expect(content).toContain('    # The smallest device.\n    #least: 1MiB\n');
    expect(content).toContain('    # Addresses. Required.\n    #servers: [127.0.0.1:9092]\n');
    expect(content).toContain('    #password: "${PASSWORD:-change-me}"\n');
    expect(content).toMatch(/^ {4}#queue:\n {6}# .*\n {6}#max_events: 10000$/m);
  });

  test('an option that cannot stand beside another is prose', async () => {
    expect(await text()).toContain('    # A file with the password.\n    # For example: password_file: text\n');
  });

  test('a sensor that this machine lacks is taken out, with the reason', async () => {
    const content = await text((name) => (name === 'disk' ? { available: false, why: '/proc/diskstats is not there' } : {}));
    expect(content).toContain('  # Disk operations.\n  # Not put in: /proc/diskstats is not there\n  #disk:\n');
    expect((await loaded(content)).config.sensors.map((sensor) => sensor.name)).toEqual(['cpu']);
    expect((await loaded(uncommented(content))).config.sensors).toHaveLength(3);
  });

  test('a sensor that does not run by default, or needs options, is taken out', async () => {
    const content = await text((name) => ({ byDefault: name !== 'cpu' }));
    expect(content).toMatch(/^ {2}#cpu:$/m);
    expect(content).toContain('  # Not put in: it needs options\n  #scrape:\n');
  });

  test('lines are of a readable width', async () => {
    expect((await text()).split('\n').filter((line) => line.length > 118)).toEqual([]);
  });

  test('a value that no example fits is not made up', () => {
    const optionsSchema = z.strictObject({
      code: z
        .string()
        .regex(/^[A-Z]{7}$/)
        .optional()
        .describe('A code.'),
      pin: secret().regex(/^\d+$/).optional().describe('A pin.'),
    });
    const content = initConfig({ sensors: [{ name: 'x', summary: 'X.', available: true, optionsSchema }], sinks: [] });
    expect(content).toContain('    # A code.\n    # For example: code\n');
    expect(content).toContain('    # A pin.\n    # For example: pin\n');
  });
});
