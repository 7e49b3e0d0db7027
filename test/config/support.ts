/** What tests of the configuration share: a small registry, and configurations given as text. */
import { join } from 'node:path';
import { expect } from 'vitest';
import * as z from 'zod';
import { type Loaded, loadConfig } from '../../src/config/load.ts';
import { ConfigError, type Mistake } from '../../src/config/mistake.ts';
import { defineSchema, gauge } from '../../src/event.ts';
import { bytes, duration, globs, regex, secret } from '../../src/options.ts';
import type { Registry } from '../../src/registry.ts';
import { defineSensor, type Sensor } from '../../src/sensor.ts';
import { defineSink, type SinkDefinition } from '../../src/sink.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const schema = (type: string) =>
  defineSchema({ type, doc: 'A test.', attributes: [], fields: { value: gauge('1', 'A value.') } });
const open = () => ({ sample: () => [] });

const cpu = defineSensor({
  name: 'cpu',
  summary: 'Processor time.',
  emits: [schema('system.cpu')],
  options: z.strictObject({ per_cpu: z.boolean().prefault(false).describe('Whether each processor is a row (default false).') }),
  open,
});

const disk = defineSensor({
  name: 'disk',
  summary: 'Disk operations.',
  emits: [schema('system.disk'), schema('system.disk.weight')],
  options: z.strictObject({
    exclude: regex().prefault('^(loop|ram)').describe('Devices to skip.'),
    only: globs().optional().describe('Devices to take.'),
    least: bytes()
      .default(2 ** 20)
      .describe('The smallest device.'),
    settle: duration({ min: 100, max: 60_000 }).default(1500).describe('Time to wait.'),
  }),
  open,
});

const scrape = defineSensor({
  name: 'scrape',
  summary: 'Pages of metrics.',
  emits: [schema('scrape.page')],
  byDefault: false,
  options: z.strictObject({
    targets: z
      .array(z.url())
      .min(1)
      .describe('Pages to read.')
      .meta({ examples: [['http://127.0.0.1:9100/metrics']] }),
    port: z.int().min(1).max(65_535).optional().describe('Port of all pages.'),
    verify: z.boolean().prefault(true).describe('Whether certificates are checked.'),
    token: secret().optional().describe('Sent with each request.'),
    headers: z.record(z.string(), z.string()).meta({ secret: true }).optional().describe('Sent with each request.'),
    auth: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('basic'), user: z.string(), password: secret() }),
        z.strictObject({ kind: z.literal('bearer'), token: secret() }),
      ])
      .optional()
      .describe('How to sign in.'),
  }),
  open,
});

const file = defineSink({
  name: 'file',
  summary: 'A file of events.',
  options: z.strictObject({
    path: z
      .string()
      .min(1)
      .describe('Where the file is.')
      .meta({ examples: ['events.ndjson'] }),
  }),
  open: () => {
    throw new Error('not for use');
  },
});

const broker = defineSink({
  name: 'broker',
  summary: 'A broker.',
  options: z
    .strictObject({
      servers: z
        .array(z.string())
        .min(1)
        .describe('Addresses.')
        .meta({ examples: [['127.0.0.1:9092']] }),
      acks: z.enum(['all', 'one']).prefault('all').describe('Who confirms.'),
      tls: z
        .union([z.boolean(), z.strictObject({ ca: z.string(), insecure: z.boolean().optional() })])
        .prefault(false)
        .describe('Encryption.'),
      password: secret().optional().describe('The password.'),
      password_file: z.string().optional().describe('A file with the password.'),
      flush: duration().default(0).describe('Delay.'),
    })
    .refine((options) => options.password === undefined || options.password_file === undefined, {
      path: ['password_file'],
      message: 'there is a password already; give one of both',
    }),
  open: () => {
    throw new Error('not for use');
  },
});

/** A registry of these, with the names that it was asked to load. */
export function testRegistry(): Registry & { readonly loaded: string[] } {
  const sensors = new Map<string, Sensor>([cpu, disk, scrape].map((sensor) => [sensor.name, sensor as Sensor]));
  const sinks = new Map<string, SinkDefinition>([broker, file].map((sink) => [sink.name, sink as SinkDefinition]));
  const loaded: string[] = [];
  return {
    loaded,
    sensorNames: () => [...sensors.keys()],
    sinkNames: () => [...sinks.keys()],
    loadSensor: async (name) => {
      loaded.push(name);
      return sensors.get(name) as Sensor;
    },
    loadSink: async (name) => {
      loaded.push(name);
      return sinks.get(name) as SinkDefinition;
    },
  };
}

export type Files = Record<string, string | Buffer>;

/** Loads `tidegate.yaml` of these files, or the text as that file. */
export async function load(files: Files | string, env: NodeJS.ProcessEnv = {}): Promise<Loaded> {
  const folder = temporaryFolder();
  writeFiles(folder, typeof files === 'string' ? { 'tidegate.yaml': files } : files);
  return await loadConfig(join(folder, 'tidegate.yaml'), env, { registry: testRegistry(), hostName: 'host-1' });
}

/** The error that loading these files ends with, and its report with paths relative to their folder, which itself is FOLDER. */
export async function failure(
  files: Files | string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ error: ConfigError; report: string }> {
  const folder = temporaryFolder();
  writeFiles(folder, typeof files === 'string' ? { 'tidegate.yaml': files } : files);
  const path = join(folder, 'tidegate.yaml');
  const error = await loadConfig(path, env, { registry: testRegistry(), hostName: 'host-1' }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  const relative = (error as ConfigError).message.replaceAll(`${folder}/`, '').replaceAll(folder, 'FOLDER');
  return { error: error as ConfigError, report: relative };
}

/** Each mistake as `line:column what`, with the same paths. */
export async function mistakes(files: Files | string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const { error } = await failure(files, env);
  return error.mistakes.map((mistake) =>
    short(mistake)
      .replaceAll(/[^ ]*\/tidegate-\w+\//g, '')
      .replaceAll(/[^ ]*\/tidegate-\w+/g, 'FOLDER'),
  );
}

export const short = ({ line, column, what }: Mistake): string => `${line}:${column} ${what}`;

/** A whole configuration around some lines for the sensors and sinks. */
export const around = (sensors = '  cpu: {}', sinks = '  file: { path: x }', top = ''): string =>
  `${top}${top === '' ? '' : '\n'}sensors:\n${sensors}\nsinks:\n${sinks}\n`;
