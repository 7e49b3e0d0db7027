/** A checked configuration, as the service uses it. */
import { createHash } from 'node:crypto';
import type { LabelMap } from '../event.ts';
import type { Sensor } from '../sensor.ts';
import type { AnySink } from '../sink.ts';
import type { GeneralOptions, SinkCommon } from './schema.ts';
import type { Secrets } from './secrets.ts';

/** One sensor that is to run. Durations in milliseconds. */
export interface SensorEntry {
  readonly name: string;
  readonly type: string;
  readonly definition: Sensor;
  /** Parsed by the definition's schema, which is what its `open` takes. */
  readonly options: unknown;
  readonly interval: number;
  readonly timeout: number;
  /** Where in the interval it samples; undefined leaves that to the scheduler. */
  readonly offset: number | undefined;
  /** The group that it samples together with. */
  readonly synchronise?: string | undefined;
  /** Those at the top and its own. */
  readonly labels: LabelMap;
  /** Equal for entries that need no restart. Holds no secret. */
  readonly fingerprint: string;
}

/** One sink that is to run. */
export interface SinkEntry {
  readonly name: string;
  readonly type: string;
  readonly definition: AnySink;
  readonly options: unknown;
  readonly common: Omit<SinkCommon, 'type' | 'enabled'>;
  readonly fingerprint: string;
}

/** The options at the top. `agent` and `host` are settled here. */
export interface GeneralConfig extends Omit<GeneralOptions, 'agent' | 'host'> {
  readonly agent: string;
  readonly host: string;
}

export interface Config extends GeneralConfig {
  /** Absolute paths of all files that it was read from; none for the built-in one. */
  readonly files: readonly string[];
  readonly sensors: readonly SensorEntry[];
  readonly sinks: readonly SinkEntry[];
  /** What must not be printed: `secrets.redact(text)`. */
  readonly secrets: Secrets;
  /** A fingerprint of each option at the top. */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** The effective configuration as an operator would write it, secrets hidden. See `display`. */
  readonly shown: Readonly<Record<string, unknown>>;
}

/** The effective configuration with every default, as plain data to be printed as YAML or JSON; secrets are `***`. */
export function display(config: Config): Record<string, unknown> {
  return structuredClone(config.shown) as Record<string, unknown>;
}

/** A short text that is equal for equal values, whatever the order of their members, and from which they cannot be read. */
export function fingerprint(...values: readonly unknown[]): string {
  return createHash('sha256').update(canonical(values)).digest('base64url');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}

/** Names of entries, by what a reload has to do with them. */
export interface EntryChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  readonly same: readonly string[];
}

export interface ConfigChanges {
  readonly sensors: EntryChanges;
  readonly sinks: EntryChanges;
  /** Options at the top whose value is another now. Those that only give entries a default are seen in the entries too. */
  readonly rest: readonly string[];
}

/** What is different in the new configuration. */
export function diffConfig(old: Config, now: Config): ConfigChanges {
  const names = new Set([...Object.keys(old.fingerprints), ...Object.keys(now.fingerprints)]);
  const rest = [...names].filter((name) => old.fingerprints[name] !== now.fingerprints[name]);
  return { sensors: changes(old.sensors, now.sensors), sinks: changes(old.sinks, now.sinks), rest };
}

type Entry = { readonly name: string; readonly fingerprint: string };

function changes(old: readonly Entry[], now: readonly Entry[]): EntryChanges {
  const before = new Map(old.map((entry) => [entry.name, entry.fingerprint]));
  const after = new Set(now.map((entry) => entry.name));
  const names = (entries: readonly Entry[]) => entries.map((entry) => entry.name);
  return {
    added: names(now.filter(({ name }) => !before.has(name))),
    removed: names(old.filter(({ name }) => !after.has(name))),
    changed: names(now.filter((entry) => before.has(entry.name) && before.get(entry.name) !== entry.fingerprint)),
    same: names(now.filter((entry) => before.get(entry.name) === entry.fingerprint)),
  };
}
