/** What tests of sensors share: hosts made of fixture files, one sample as plain values, golden files, upstream test material. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type * as z from 'zod';
import type { Cell, Table } from '../src/event.ts';
import { Host, type HostOptions } from '../src/host.ts';
import type { Sampler, Sensor, SensorContext } from '../src/sensor.ts';
import { temporaryFolder } from './temporary.ts';

export const REPOSITORY = resolve(import.meta.dirname, '..');

/** A row of a sampled table as a reader sees it: attribute and field names to their cells; what is absent is left out. */
export type PlainRow = Record<string, Cell | number>;
export interface PlainTable {
  type: string;
  rows: PlainRow[];
}

/** A Linux host over `fixtures/<path>`, which holds `proc/`, `sys/` or both, and perhaps `host.json`. */
export function fixtureHost(path: string, options: HostOptions = {}): Host {
  return hostAt(join(REPOSITORY, 'fixtures', path), options);
}

/** A Linux host over any folder with `proc/` and `sys/`. */
export function hostAt(folder: string, options: HostOptions = {}): Host {
  if (existsSync(join(folder, 'host.json'))) return Host.recorded(folder, options);
  const recording = { name: 'fixture', statfs: {} };
  return new Host({
    proc: join(folder, 'proc'),
    sys: join(folder, 'sys'),
    root: join(folder, 'root'),
    platform: 'linux',
    recording,
    ...options,
  });
}

/** A Linux host whose files are given here, by path below it: `{ 'proc/loadavg': '0.1 …' }`. `-> target` makes a link. */
export function hostOf(files: Record<string, string>, options: HostOptions = {}): { host: Host; folder: string } {
  const folder = temporaryFolder();
  writeFiles(folder, files);
  return { host: hostAt(folder, options), folder };
}

export function writeFiles(folder: string, files: Record<string, string | Buffer>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    if (typeof content === 'string' && content.startsWith('-> ')) symlinkSync(content.slice(3), join(folder, path));
    else writeFileSync(join(folder, path), content);
  }
}

/** A context for a sensor that keeps its state in memory and whose words nobody hears. */
export function sensorContext(more: Partial<SensorContext> = {}): SensorContext {
  let kept: string | undefined;
  const state = {
    load: (): unknown => (kept === undefined ? undefined : JSON.parse(kept)),
    save: async (value: unknown): Promise<void> => {
      kept = JSON.stringify(value);
    },
  };
  return { name: 'test', timeout: 10_000, state, warn: () => {}, info: () => {}, ...more };
}

/** Opens a sensor with options as an operator writes them. */
export async function open<O extends z.ZodType>(
  sensor: Sensor<O>,
  host: Host,
  options: unknown = {},
  context: SensorContext = sensorContext(),
): Promise<Sampler> {
  return await sensor.open(host, sensor.options.parse(options), context);
}

/** One sample of an opened sensor, as plain values; `time` is what it is told, in milliseconds. */
export async function sample(sampler: Sampler, time = 0): Promise<PlainTable[]> {
  return (await sampler.sample(new AbortController().signal, time)).map((table) => plain(table.seal()));
}

/** Opens, samples once, closes. */
export async function sampleOnce<O extends z.ZodType>(
  sensor: Sensor<O>,
  host: Host,
  options: unknown = {},
): Promise<PlainTable[]> {
  const sampler = await open(sensor, host, options);
  try {
    return await sample(sampler);
  } finally {
    await sampler.close?.();
  }
}

export function plain({ schema, layout, values, absent }: Table): PlainTable {
  const rows: PlainRow[] = [];
  for (let r = 0; r < layout.rows; r++) {
    const row: PlainRow = {};
    schema.attributes.forEach((name, a) => {
      row[name] = layout.attributes[a]?.[r] as Cell;
    });
    schema.fieldNames.forEach((name, f) => {
      const at = f * layout.rows + r;
      if (!absent?.[at]) row[name] = values[at] as number;
    });
    rows.push(row);
  }
  return { type: schema.type, rows };
}

/** All rows of one metric type, over the tables of a sample. */
export const rowsOf = (tables: readonly PlainTable[], type: string): PlainRow[] =>
  tables.filter((table) => table.type === type).flatMap((table) => table.rows);

/** Compares with `fixtures/<path>`; `GOLDEN=1` (`npm run golden`) writes it anew, and the difference is reviewed like code. */
export function expectGolden(path: string, value: unknown): void {
  const file = join(REPOSITORY, 'fixtures', path);
  const text = `${JSON.stringify(value, null, 1)}\n`;
  if (process.env['GOLDEN']) writeFileSync(file, text);
  expect(existsSync(file), `${path} is missing: npm run golden writes it`).toBe(true);
  expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(file, 'utf8')));
}

/** Test material of other projects beside the repository, or undefined; `TIDEGATE_CONFORMANCE` names another place. */
export function conformance(path: string): string | undefined {
  const file = join(process.env['TIDEGATE_CONFORMANCE'] ?? join(REPOSITORY, '..', 'shared', 'conformance'), path);
  return existsSync(file) ? file : undefined;
}

/** Unpacks a (gzipped) ttar archive, prometheus' plain text tar, into a folder. */
export function unpackTtar(archive: string, folder: string): void {
  const raw = readFileSync(archive);
  const lines = (archive.endsWith('.gz') ? gunzipSync(raw) : raw).toString('utf8').split('\n');
  let path = '';
  for (let i = 0; i < lines.length; i++) {
    const [, key, value] = /^(Path|Directory|SymlinkTo|Lines): (.*)$/.exec(lines[i] as string) ?? [];
    if (key === 'Directory') mkdirSync(join(folder, value as string), { recursive: true });
    else if (key === 'Path') path = join(folder, value as string);
    else if (key === 'SymlinkTo') {
      mkdirSync(dirname(path), { recursive: true });
      symlinkSync(value as string, path);
    } else if (key === 'Lines') {
      const body = lines.slice(i + 1, i + 1 + Number(value));
      i += Number(value);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, body.map(ttarLine).join(''));
    }
  }
}

function ttarLine(line: string): string {
  const text = line.replace(/\\?NULLBYTE/g, (found) => (found.startsWith('\\') ? 'NULLBYTE' : '\0'));
  if (text.endsWith('EOF') && !text.endsWith('\\EOF')) return text.slice(0, -3);
  return `${text.replace(/\\EOF$/, 'EOF')}\n`;
}
