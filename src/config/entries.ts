/** The sensors and sinks of a configuration: finds their types, checks their options, and what must hold between them. */
import type * as z from 'zod';
import { describe } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { formatDuration, matcher } from '../options.ts';
import type { Registry } from '../registry.ts';
import { emitted } from '../sensor.ts';
import { isBroker } from '../sink.ts';
import { check } from './check.ts';
import { fingerprint, type SensorEntry, type SinkEntry } from './config.ts';
import { checkDelivery, checkDestinations } from './delivery.ts';
import { type Subject, tellIssues } from './issues.ts';
import { isMapping, keyPlaceAt, pick, placeAt, put, slotOf } from './located.ts';
import type { Findings, Place } from './mistake.ts';
import { type GeneralOptions, NAME_LENGTH_MAX, NAME_PATTERN, SAMPLE_TIMEOUT_MAX, sensorCommon, sinkCommon } from './schema.ts';
import { effective } from './shapes.ts';

export interface EntryContext {
  readonly registry: Registry;
  readonly findings: Findings;
  /** Told of everything that is checked against a schema, right or wrong, for what is secret in it. */
  readonly checked: (path: readonly string[], schema: z.ZodType | undefined, value: Record<string, unknown>) => void;
}

/** Options of an entry that is right so far; `shown` has what the operator wrote, with defaults. */
interface Entry<D, C> {
  readonly name: string;
  readonly type: string;
  readonly definition: D;
  readonly written: Record<string, unknown>;
  readonly place: Place | string;
  readonly common: C;
  readonly options: unknown;
  /** What was written with every default, for its fingerprint. */
  readonly effective: unknown;
}

export interface Entries {
  readonly sensors: readonly SensorEntry[];
  readonly sinks: readonly SinkEntry[];
}

/** Checks both sections. `general` is undefined where the options at the top are wrong; entries are checked nevertheless. */
export async function checkEntries(
  root: Record<string, unknown>,
  place: Place | string,
  general: GeneralOptions | undefined,
  context: EntryContext,
): Promise<Entries> {
  const { registry } = context;
  const sensorKind = {
    section: 'sensors',
    what: 'sensor',
    common: sensorCommon,
    names: () => registry.sensorNames(),
    load: (type: string) => registry.loadSensor(type),
  };
  const sinkKind = {
    section: 'sinks',
    what: 'sink',
    common: sinkCommon,
    names: () => registry.sinkNames(),
    load: (type: string) => registry.loadSink(type),
  };
  const sensors = (await checkSection(root, place, sensorKind, context)).map((entry) =>
    sensorEntry(entry, general, context.findings),
  );
  checkGroups(sensors, keyPlaceAt(root, ['sensors'], place), context.findings);
  const sinks = await checkSection(root, place, sinkKind, context);
  for (const sink of sinks) checkSink(sink, sensors, context.findings);
  checkDestinations(sinks.map(destined), context.findings);
  return { sensors, sinks: sinks.map(sinkEntry) };
}

/** Sensors of a group whose intervals are no multiples of the shortest meet seldom. */
function checkGroups(sensors: readonly SensorEntry[], place: Place | string, findings: Findings): void {
  for (const [group, members] of Map.groupBy(sensors, ({ synchronise }) => synchronise)) {
    const shortest = Math.min(...members.map(({ interval }) => interval));
    for (const { name, interval } of members) {
      if (group === undefined || interval % shortest === 0) continue;
      const what = `sensors.${name}: its interval of ${formatDuration(interval)} is no multiple of ${formatDuration(shortest)}, the shortest of the group "${group}"`;
      findings.warning(place, what, 'they meet seldom');
    }
  }
}

/** What a sensor and a sink have in common here. */
interface Component {
  readonly options: z.ZodType;
  readonly version?: string;
  verify?(options: unknown): Promise<readonly z.core.$ZodIssue[]>;
}

interface Kind<D, C extends z.ZodObject> {
  readonly section: string;
  readonly what: string;
  readonly common: C;
  readonly names: () => readonly string[];
  readonly load: (type: string) => Promise<D>;
}

async function checkSection<D extends Component, C extends z.ZodObject>(
  root: Record<string, unknown>,
  rootPlace: Place | string,
  kind: Kind<D, C>,
  context: EntryContext,
): Promise<Entry<D, z.output<C>>[]> {
  const { section } = kind;
  const members = root[section];
  const place = keyPlaceAt(root, [section], rootPlace);
  if (members === undefined || members === null) return [];
  if (!isMapping(members)) {
    const hint = `write "${kind.names()[0] ?? 'name'}: {}" below it, without a dash`;
    context.findings.mistake(place, `${section}: expected names with their options, and this is no mapping`, hint);
    return [];
  }
  const entries: Entry<D, z.output<C>>[] = [];
  for (const name of Object.keys(members)) {
    const entry = await checkEntry(members, name, keyPlaceAt(members, [name], place), kind, context);
    if (entry) entries.push(entry);
  }
  return entries;
}

/** Tells every mistake of an entry. Returns it when there is none and it is to run. */
async function checkEntry<D extends Component, C extends z.ZodObject>(
  members: Record<string, unknown>,
  name: string,
  place: Place | string,
  kind: Kind<D, C>,
  context: EntryContext,
): Promise<Entry<D, z.output<C>> | undefined> {
  const { findings } = context;
  const path = `${kind.section}.${name}`;
  const named = NAME_PATTERN.test(name) && name.length <= NAME_LENGTH_MAX;
  if (!named) {
    const hint = `use at most ${NAME_LENGTH_MAX} of a-z, 0-9, "_", "-" and ".", the first being no "-" or "."`;
    findings.mistake(place, `"${name}" cannot be the name of a ${kind.what}`, hint);
  }
  // `cpu:` alone.
  if (members[name] === null) put(members, name, {}, slotOf(members, name));
  const written = members[name];
  if (!isMapping(written)) {
    context.checked(
      [kind.section, name],
      undefined,
      pick(members, (key) => key === name),
    );
    findings.mistake(
      placeAt(members, [name], place),
      `${path}: expected options (a mapping)`,
      `write "${name}: {}", or its options below it`,
    );
    return undefined;
  }
  const isCommon = (key: string) => Object.hasOwn(kind.common.shape, key);
  const [commonPart, ownPart] = [pick(written, isCommon), pick(written, (key) => !isCommon(key))];
  const definition = named || written['type'] !== undefined ? await loadType(name, written, place, kind, context) : undefined;
  context.checked([kind.section, name], kind.common, commonPart);
  context.checked([kind.section, name], definition?.options, ownPart);
  const about = { place, name: path };
  const common = check({ ...about, schema: kind.common, value: commonPart, alsoRight: [] }, findings);
  if (!definition) return undefined;
  const alsoRight = Object.keys(kind.common.shape);
  const before = findings.count;
  const subject = { ...about, schema: definition.options, value: ownPart, alsoRight };
  const options = check(subject, findings);
  if (definition.verify && findings.count === before) await verify(definition, options, subject, findings);
  if (!common || findings.count > before || common['enabled'] === false) return undefined;
  const effectiveOptions = {
    ...(effective(kind.common, commonPart) as object),
    ...(effective(definition.options, ownPart) as object),
    ...(definition.version !== undefined && { version: definition.version }),
  };
  const type = typeof common['type'] === 'string' ? common['type'] : name;
  return { name, type, definition, written, place, common, options, effective: effectiveOptions };
}

/** Asks a plugin what else is wrong. */
async function verify(definition: Component, options: unknown, subject: Subject, findings: Findings): Promise<void> {
  try {
    tellIssues((await definition.verify?.(options)) ?? [], subject, findings);
  } catch (error) {
    findings.mistake(subject.place, `${subject.name}: its options cannot be checked: ${describe(error)}`);
  }
}

async function loadType<D>(
  name: string,
  written: Record<string, unknown>,
  place: Place | string,
  kind: Kind<D, z.ZodObject>,
  { findings }: EntryContext,
): Promise<D | undefined> {
  const type = written['type'] ?? name;
  // Any other value is told when the common options are checked.
  if (typeof type !== 'string') return undefined;
  if (kind.names().includes(type)) {
    try {
      return await kind.load(type);
    } catch (error) {
      findings.mistake(place, `${kind.section}.${name}: the ${kind.what} "${type}" cannot be loaded: ${describe(error)}`);
      return undefined;
    }
  }
  const given = Object.hasOwn(written, 'type');
  const text = slotOf(written, 'type')?.text;
  if (text?.broken) return undefined;
  const near = text ? undefined : nearest(type, kind.names());
  const choices = `there is: ${kind.names().join(', ')}`;
  const hint = near ? `did you mean "${near}"?` : given ? choices : `say which it is with "type: …"; ${choices}`;
  const where = given ? placeAt(written, ['type'], place) : place;
  findings.mistake(where, `${kind.section}.${name}: there is no ${kind.what} "${type}"`, hint, text?.outside);
  return undefined;
}

function sensorEntry(
  entry: Entry<SensorEntry['definition'], z.output<typeof sensorCommon>>,
  general: GeneralOptions | undefined,
  findings: Findings,
): SensorEntry {
  const { name, type, definition, common, options, written, place } = entry;
  const interval = common.interval ?? Math.max(general?.interval ?? 0, definition.interval ?? 0);
  const timeout = common.timeout ?? general?.timeout ?? Math.min(interval, SAMPLE_TIMEOUT_MAX);
  const labels = { ...general?.labels, ...common.labels };
  const { offset, synchronise } = common;
  if (general && common.timeout !== undefined && timeout > interval) {
    const what = `sensors.${name}: the timeout of ${formatDuration(timeout)} is longer than the interval of ${formatDuration(interval)}`;
    findings.warning(placeAt(written, ['timeout'], place), what, 'samples are missed while one takes that long');
  }
  if (general && offset !== undefined && offset >= interval) {
    const what = `sensors.${name}: the offset of ${formatDuration(offset)} is not within the interval of ${formatDuration(interval)}`;
    findings.mistake(placeAt(written, ['offset'], place), what, 'make it less than the interval');
  }
  if (offset !== undefined && synchronise !== undefined) {
    const what = `sensors.${name}: it has an offset of its own, so that it need not meet its group "${synchronise}"`;
    findings.warning(placeAt(written, ['synchronise'], place), what, 'leave out offset or synchronise');
  }
  const print = fingerprint(type, entry.effective, interval, timeout, labels);
  return { name, type, definition, options, interval, timeout, offset, synchronise, labels, fingerprint: print };
}

const destined = ({ name, place, definition, options }: SinkInput) => ({
  name,
  place,
  destinations: (isBroker(definition) && definition.destinations?.(options)) || [],
});

type SinkInput = Entry<SinkEntry['definition'], z.output<typeof sinkCommon>>;

function sinkEntry({ name, type, definition, options, common, effective: values }: SinkInput): SinkEntry {
  const { type: _type, enabled: _enabled, ...rest } = common;
  return { name, type, definition, options, common: rest, fingerprint: fingerprint(type, values) };
}

/** What holds between the options of a sink, and between its selection and what the sensors emit. */
function checkSink(
  { name, written, place, common, definition, options }: SinkInput,
  sensors: readonly SensorEntry[],
  findings: Findings,
): void {
  const { queue, batch, backoff } = common;
  if (backoff.initial > backoff.max) {
    findings.mistake(
      placeAt(written, ['backoff', 'initial'], place),
      `sinks.${name}: backoff.initial is more than backoff.max`,
      'make it less',
    );
  }
  for (const limit of ['max_events', 'max_bytes'] as const) {
    if (batch[limit] <= queue[limit]) continue;
    const what = `sinks.${name}: batch.${limit} is more than queue.${limit}, so that no batch is ever full`;
    findings.warning(placeAt(written, ['batch', limit], place), what, 'make the queue larger than a batch');
  }
  if (isBroker(definition)) checkDelivery({ name, written, place, common, options }, findings);
  // Events of the service itself are not declared by a sensor.
  const types = sensors.flatMap((sensor) => emitted(sensor.definition, sensor.options).map((schema) => schema.type));
  const select = written['select'] ?? ['*'];
  const patterns = Array.isArray(select) ? select : [select];
  if (patterns.length === 0)
    findings.warning(placeAt(written, ['select'], place), `sinks.${name}: an empty select takes no event`);
  const byType = Object.keys((written['by_type'] as object | null | undefined) ?? {});
  for (const [i, pattern] of [...patterns, ...byType].entries()) {
    if (typeof pattern !== 'string' || sensors.length === 0) continue;
    const bare = pattern.replace(/^!/, '');
    if (bare.startsWith('tidegate.') || types.some(matcher(bare))) continue;
    const near = nearest(bare, [...types, ...types.map((type) => type.replace(/[^.]*$/, '*'))]);
    const own = Array.isArray(select) ? ['select', i] : ['select'];
    const where = placeAt(written, i < patterns.length ? own : ['by_type', pattern], place);
    findings.warning(
      where,
      `sinks.${name}: "${pattern}" selects nothing that a sensor here emits`,
      near && `did you mean "${near}"?`,
    );
  }
}
