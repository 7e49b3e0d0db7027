/**
 * The text that `tidegate init` writes: every option with its default and its documentation, as comments, for what this machine has.
 *
 * A `#` with a blank after it begins prose; a `#` with an option right after it takes the option out, and removing the `#` puts it in.
 */
import * as yaml from 'yaml';
import * as z from 'zod';
import { general, include, sensorCommon, sinkCommon } from './schema.ts';
import { exampleOf, kindOf, type OptionShape, optionsOf, shapeOf } from './shapes.ts';

export interface InitSensor {
  readonly name: string;
  readonly summary: string;
  readonly available: boolean;
  /** Why it is not available. */
  readonly why?: string;
  /** Whether it is put in where it is available; true when it is not given. */
  readonly byDefault?: boolean;
  readonly optionsSchema: z.ZodType;
}

export interface InitSink {
  readonly name: string;
  readonly summary: string;
  readonly optionsSchema: z.ZodType;
}

const WIDTH = 118;
const HEAD = [
  'Configuration of tidegate.',
  'Every option is here with its default. A line such as "#interval: 10s" shows one: remove the # and change the value. ' +
    'Check the file with "tidegate check -c FILE".',
  'Durations are 500ms, 10s, 1m30s, 24h, 7d; sizes are 512KiB, 64MiB, 2GiB. ${VAR}, ${VAR:-default} and ${VAR:?message} ' +
    "stand for environment variables and ${file:PATH} for a file's content; within { } and [ ] they need quotes.",
].join('\n\n');

/** How a line is written: `off` is taken out by a `#`. */
type State = 'on' | 'off';

/** A configuration that loads as it is, and with all of its options put in. Sensors that this machine lacks are taken out. */
export function initConfig(available: { readonly sensors: readonly InitSensor[]; readonly sinks: readonly InitSink[] }): string {
  const usable = available.sensors.filter(isUsable);
  const lacking = available.sensors.filter((sensor) => !isUsable(sensor));
  const sinks = ordered(available.sinks);
  const lines = [
    ...prose(HEAD, 0),
    '',
    ...optionsOf(general).flatMap((option) => [...optionLines(option, 0, 'off'), '']),
    ...optionLines({ name: 'include', schema: include, ...shapeOf(include) }, 0, 'prose'),
    '',
    ...prose('What is sampled. The names are yours to choose; where a name is no sensor\'s, "type" says which one it is.', 0),
    'sensors:',
    ...[...usable, ...lacking].flatMap((sensor, i) => sensorLines(sensor, i === 0)),
    ...prose('Where events go. The names are yours to choose; where a name is no sink\'s, "type" says which one it is.', 0),
    'sinks:',
    ...sinks.flatMap((sink, i) => entryLines(sink, sinkCommon, { state: i === 0 ? 'on' : 'off', common: i === 0, remark: [] })),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Whether it is wrong without options, be it for one that is required or for one of several. */
const needsOptions = ({ optionsSchema }: InitSensor | InitSink): boolean =>
  optionsOf(optionsSchema).some((option) => option.required) || !optionsSchema.safeParse({}).success;

/** Whether it is put in: it works here, and says nothing else of itself. */
const isUsable = (sensor: InitSensor): boolean => sensor.available && sensor.byDefault !== false && !needsOptions(sensor);

/** The sink that is put in comes first: a file, or else the first that needs no options. */
function ordered(sinks: readonly InitSink[]): readonly InitSink[] {
  const free = sinks.find((sink) => !needsOptions(sink));
  const first = sinks.find((sink) => sink.name === 'file') ?? free ?? sinks[0];
  return first ? [first, ...sinks.filter((sink) => sink !== first)] : [];
}

function sensorLines(sensor: InitSensor, common: boolean): string[] {
  const why = needsOptions(sensor) ? 'it needs options' : (sensor.why ?? 'this machine lacks what it reads');
  const remark = needsOptions(sensor) || !sensor.available ? [`Not put in: ${why}`] : [];
  return entryLines(sensor, sensorCommon, { state: isUsable(sensor) ? 'on' : 'off', common, remark });
}

interface EntryStyle {
  readonly state: State;
  /** Whether the options that every entry has are shown. */
  readonly common: boolean;
  readonly remark: readonly string[];
}

function entryLines(entry: InitSensor | InitSink, common: z.ZodObject, { state, common: shown, remark }: EntryStyle): string[] {
  const lines = [...[entry.summary, ...remark].flatMap((text) => prose(text, 2)), line(`${entry.name}:`, 2, state)];
  const together = compatible(entry.optionsSchema);
  for (const option of optionsOf(entry.optionsSchema)) {
    const own = option.required ? state : 'off';
    lines.push(...optionLines(option, 4, together.has(option.name) ? own : 'prose'));
  }
  if (shown) {
    lines.push(...prose('The options that every entry of this section has, shown once:', 4));
    for (const option of optionsOf(common))
      lines.push(...optionLines(option, 4, 'off', option.name === 'type' ? entry.name : undefined));
  }
  return [...lines, ''];
}

/** The options that may all be put in at once with the values shown here. */
function compatible(schema: z.ZodType): ReadonlySet<string> {
  const values: Record<string, unknown> = {};
  const options = optionsOf(schema);
  for (const option of options.filter(({ required }) => required)) values[option.name] = valueOf(option);
  const names = new Set(Object.keys(values));
  for (const option of options.filter(({ required }) => !required)) {
    const more = { ...values, [option.name]: valueOf(option) };
    if (more[option.name] === undefined || !schema.safeParse(more).success) continue;
    Object.assign(values, more);
    names.add(option.name);
  }
  return names;
}

/** A value to show: of secrets one that says where to put it. */
function valueOf({ name, schema, meta }: OptionShape): unknown {
  const variable = `\${${name.toUpperCase()}:-change-me}`;
  return meta.secret && z.safeParse(schema, variable).success ? variable : exampleOf(schema);
}

/** The documentation of an option and its line; one that cannot be put in beside the others is prose. */
function optionLines(option: OptionShape, indent: number, state: State | 'prose', value: unknown = valueOf(option)): string[] {
  const { name, meta, required } = option;
  const lines = prose(`${meta.description ?? ''}${required ? ' Required.' : ''}`.trim(), indent);
  const members = required || kindOf(option.schema) !== 'object' ? [] : optionsOf(option.schema);
  if (state === 'prose') {
    const example = value === undefined ? name : `${name}: ${written(value)}`;
    return [...lines, ...prose(`For example: ${example}`, indent)];
  }
  if (members.length === 0) return [...lines, line(`${name}: ${written(value)}`, indent, state)];
  return [...lines, line(`${name}:`, indent, state), ...members.flatMap((member) => optionLines(member, indent + 2, 'off'))];
}

const written = (value: unknown): string =>
  yaml.stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd();

const line = (text: string, indent: number, state: State): string => `${' '.repeat(indent)}${state === 'off' ? '#' : ''}${text}`;

/** Text as comment lines of a readable width. */
function prose(text: string, indent: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text === '' ? [] : text.split('\n')) {
    let current = '';
    for (const word of paragraph.split(/\s+/)) {
      if (current !== '' && indent + 2 + current.length + 1 + word.length > WIDTH) {
        lines.push(current);
        current = word;
      } else current = current === '' ? word : `${current} ${word}`;
    }
    lines.push(current);
  }
  return lines.map((content) => `${' '.repeat(indent)}# ${content}`.trimEnd());
}
