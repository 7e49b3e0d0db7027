/** Loads a configuration: reads, substitutes, checks all of it, and says every mistake at once. */
import os from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type * as z from 'zod';
import { addressSecrets, withoutAddressSecrets } from '../address-secrets.ts';
import { UsageError } from '../errors.ts';
import { formatDuration } from '../options.ts';
import { findPlugins, MEMORY_BYTES } from '../plugin/find.ts';
import { withPlugins } from '../plugin/registry.ts';
import { registry as installed, type Registry } from '../registry.ts';
import { otlpSecrets } from '../telemetry/options.ts';
import { check } from './check.ts';
import { type Config, fingerprint, type GeneralConfig } from './config.ts';
import { checkEntries, type Entries } from './entries.ts';
import { type LoadedFiles, loadFiles } from './files.ts';
import { checkHttp } from './http.ts';
import { isMapping, pick, placeAt, type Slot, slotOf } from './located.ts';
import { ConfigError, Findings, type Mistake } from './mistake.ts';
import { type GeneralOptions, general } from './schema.ts';
import { Secrets } from './secrets.ts';
import { effective, type Leaf } from './shapes.ts';
import type { Substituted } from './substitute.ts';

export interface LoadOptions {
  /** What sensors and sinks there are; the installed ones by default. */
  readonly registry?: Registry;
  /** Where the built-in configuration keeps its file; the working folder by default. */
  readonly stateDir?: string;
  /** The machine's name, for `host` and `agent`; the kernel's by default. */
  readonly hostName?: string;
}

export interface Loaded {
  readonly config: Config;
  readonly warnings: readonly Mistake[];
}

const SECTIONS = ['sensors', 'sinks'];
const MASK = '***';

/**
 * Reads the configuration at a path, or makes the built-in one: every sensor that runs by default, and a file sink.
 * Throws `ConfigError` with every mistake that is in it.
 */
export async function loadConfig(path: string | undefined, env: NodeJS.ProcessEnv, options: LoadOptions = {}): Promise<Loaded> {
  const { registry = installed } = options;
  const findings = new Findings();
  const privacy = new PrivacyPass(findings);
  const context = { env, findings, substituted: privacy.substituted };
  const files = path === undefined ? await builtIn(registry, options.stateDir) : loadFiles(path, context);
  const { root, place } = files;
  const top = pick(root, (key) => !SECTIONS.includes(key));
  privacy.checked([], general, top);
  const settled = check({ schema: general, value: top, place, name: '', alsoRight: [...SECTIONS, 'include'] }, findings);
  if (settled) checkHttp(settled.http, top, place, findings);
  const all = addPlugins(registry, settled?.plugins ?? [], root, place, findings);
  const entries = await checkEntries(root, place, settled, { registry: all, findings, checked: privacy.checked });
  if (files.complete) requireSections(root, place, entries, findings);
  const secrets = privacy.secrets();
  if (settled?.otlp) for (const text of otlpSecrets(env)) secrets.add(text);
  const redact = (text: string) => secrets.redact(text);
  const warnings = findings.warnings(redact);
  if (findings.count > 0 || !settled) throw new ConfigError(findings.mistakes(redact), warnings);
  const identity = identify(settled, options.hostName ?? os.hostname());
  const { agent, host } = identity;
  const fingerprints = Object.entries({ ...(effective(general, top) as object), agent, host }).map(([name, value]) => [
    name,
    fingerprint(value),
  ]);
  const config = {
    ...identity,
    ...entries,
    files: files.files,
    secrets,
    fingerprints: Object.fromEntries(fingerprints) as Record<string, string>,
    shown: { ...privacy.shown(entries), agent, host },
  };
  return { config, warnings };
}

/** The registry with what `plugins` names. */
function addPlugins(
  registry: Registry,
  plugins: NonNullable<GeneralOptions['plugins']>,
  root: Record<string, unknown>,
  place: LoadedFiles['place'],
  findings: Findings,
): Registry {
  let all = registry;
  for (const [i, entry] of plugins.entries()) {
    const { from, memory } = typeof entry === 'string' ? { from: entry, memory: MEMORY_BYTES } : entry;
    const where = placeAt(root, typeof entry === 'string' ? ['plugins', i] : ['plugins', i, 'from'], place);
    const base = typeof where === 'string' ? '.' : dirname(where.source.file);
    const refused = (why: string): void => findings.mistake(where, `plugins: ${why}`);
    try {
      all = withPlugins(all, findPlugins(from, resolve(base), memory), refused);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      refused(error.message);
    }
  }
  return all;
}

/** Every sensor that runs by default, and a file in the state folder. */
async function builtIn(registry: Registry, stateDir = '.'): Promise<LoadedFiles> {
  const sensors = await Promise.all(registry.sensorNames().map((name) => registry.loadSensor(name)));
  const names = sensors.filter((sensor) => sensor.byDefault !== false).map((sensor) => sensor.name);
  const root = {
    sensors: Object.fromEntries(names.map((name) => [name, {}])),
    sinks: { events: { type: 'file', path: join(stateDir, 'events.ndjson') } },
  };
  return { root, place: 'the built-in configuration', files: [], complete: true };
}

function requireSections(root: Record<string, unknown>, place: LoadedFiles['place'], entries: Entries, findings: Findings): void {
  const before = findings.count;
  for (const [section, loss, example] of [
    ['sensors', 'sampled', '{ cpu: {} }'],
    ['sinks', 'delivered', '{ events: { type: file, path: events.ndjson } }'],
  ] as const) {
    const members = root[section];
    const where = slotOf(root, section)?.key ?? place;
    if (members === undefined || members === null || (isMapping(members) && Object.keys(members).length === 0))
      findings.mistake(
        where,
        `there are no ${section}: nothing would be ${loss}`,
        `add one, for example "${section}: ${example}"`,
      );
    else if (before === 0 && entries[section].length === 0)
      findings.warning(where, `no entry of ${section} is enabled: nothing is ${loss}`);
  }
}

/** Host and agent as events carry them. A host may be named with characters that an identity cannot have. */
function identify(settled: GeneralOptions, hostName: string): GeneralConfig {
  const host = settled.host ?? hostName;
  return { ...settled, host, agent: settled.agent ?? (host.replace(/[^A-Za-z0-9_.-]/g, '-') || 'agent') };
}

/** Learns from the schemas what of the values is secret. */
class PrivacyPass {
  readonly #findings: Findings;
  readonly #checked: { path: readonly string[]; schema: z.ZodType | undefined; value: Record<string, unknown> }[] = [];
  readonly #substituted: { text: Substituted; slot: Slot }[] = [];
  /** Slots of values from variables that cannot be secret where they stand. */
  readonly #open = new Set<Slot>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  readonly substituted = (text: Substituted, slot: Slot): void => {
    this.#substituted.push({ text, slot });
  };

  /** `path` is the section and the name of the entry, or empty. */
  readonly checked = (path: readonly string[], schema: z.ZodType | undefined, value: Record<string, unknown>): void => {
    this.#checked.push({ path, schema, value });
  };

  secrets(): Secrets {
    const secrets = new Secrets();
    const learn: Leaf = (container, key, privacy) => {
      const slot = slotOf(container, key);
      const value = (container as Record<string, unknown>)[key];
      if (typeof value === 'string') for (const [from, to] of addressSecrets(value)) secrets.add(value.slice(from, to));
      if (privacy === 'secret') {
        if (typeof value === 'string' || typeof value === 'number') secrets.add(String(value));
        if (slot) this.#findings.secret(slot.value);
      } else if (privacy === 'open' && slot?.text?.fromFile === false) {
        this.#open.add(slot);
      }
    };
    for (const { schema, value } of this.#checked) effective(schema, value, learn);
    for (const { text, slot } of this.#substituted) {
      if (!this.#open.has(slot)) for (const piece of text.outside) secrets.add(piece);
    }
    return secrets;
  }

  /** What was written with every default, its secrets hidden. */
  shown({ sensors }: Entries): Record<string, unknown> {
    const hide: Leaf = (container, key, privacy) => {
      const slot = slotOf(container, key);
      if (privacy === 'secret') return MASK;
      const value = slot?.text && !this.#open.has(slot) ? slot.text.shown : (container as Record<string, unknown>)[key];
      return typeof value === 'string' ? withoutAddressSecrets(value) : value;
    };
    // The options at the top were checked first, and stand first.
    const shown: Record<string, Record<string, object>> = {};
    for (const { path, schema, value } of this.#checked) {
      const [section, name] = path;
      const target = section === undefined ? shown : ((shown[section] ??= {})[name as string] ??= {});
      Object.assign(target, effective(schema, value, hide));
    }
    for (const { name, interval, timeout } of sensors)
      Object.assign(shown['sensors']?.[name] ?? {}, { interval: formatDuration(interval), timeout: formatDuration(timeout) });
    return shown;
  }
}
