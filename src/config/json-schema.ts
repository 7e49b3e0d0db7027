/**
 * The configuration as a JSON Schema (draft 2020-12) for editors. It says what an operator may write: durations and sizes as texts,
 * `${VAR}` where a number is wanted. An entry's options depend on its type, which is its name unless it says another.
 */
import * as z from 'zod';
import { BYTES_PATTERN, DURATION_PATTERN, type Written } from '../options.ts';
import { registry as installed, type Registry } from '../registry.ts';
import { general, include, NAME_LENGTH_MAX, NAME_PATTERN, sensorCommon, sinkCommon } from './schema.ts';
import { shapeOf } from './shapes.ts';

type Json = Record<string, unknown>;

const PATTERNS: Readonly<Partial<Record<Written, string>>> = { duration: DURATION_PATTERN, bytes: BYTES_PATTERN };
/** A text with a variable or a file in it, which may stand for anything. */
const SUBSTITUTION = '#/$defs/substitution';

/** The schema of what the registry has; of this installation, by default. */
export async function jsonSchema(registry: Registry = installed): Promise<Record<string, unknown>> {
  const top = convert(general);
  const sensors = await Promise.all(registry.sensorNames().map((name) => registry.loadSensor(name)));
  const sinks = await Promise.all(registry.sinkNames().map((name) => registry.loadSink(name)));
  const $defs = {
    substitution: { type: 'string', pattern: '\\$\\{', description: '${VAR}, ${VAR:-default}, ${VAR:?message} or ${file:PATH}.' },
    ...definitions('sensor', sensorCommon, sensors),
    ...definitions('sink', sinkCommon, sinks),
  };
  const properties = {
    ...(top['properties'] as Json),
    include: convert(include),
    sensors: section('sensor', 'What is sampled: names of your choice, with options.', sensors),
    sinks: section('sink', 'Where events go: names of your choice, with options.', sinks),
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Tidegate configuration',
    type: 'object',
    properties,
    additionalProperties: false,
    $defs,
  };
}

interface Component {
  readonly name: string;
  readonly summary: string;
  readonly options: z.ZodType;
}

/** One definition for each type, and `<kind>` for an entry that names its type. */
function definitions(kind: string, common: z.ZodObject, components: readonly Component[]): Json {
  const shared = convert(common);
  const names = Object.keys(shared['properties'] as Json);
  const references = Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/${kind}_common/properties/${name}` }]));
  const all: Json = { [`${kind}_common`]: { description: `What every ${kind} has.`, ...shared } };
  for (const { name, summary, options } of components) {
    const type = { const: name, description: 'The type of this entry.' };
    all[`${kind}.${name}`] = { description: summary, ...withCommon(convert(options), { ...references, type }) };
  }
  const named = components.map(({ name, summary }) => ({ const: name, description: summary }));
  all[kind] = {
    type: 'object',
    required: ['type'],
    properties: { type: { oneOf: named } },
    allOf: components.map(({ name }) =>
      when({ required: ['type'], properties: { type: { const: name } } }, { $ref: `#/$defs/${kind}.${name}` }),
    ),
  };
  return all;
}

/** Adds the common options to a component's own: to each alternative, where there are several. An entry without options may be empty. */
function withCommon(own: Json, common: Json): Json {
  for (const several of ['anyOf', 'oneOf', 'allOf'] as const) {
    const alternatives = own[several];
    if (Array.isArray(alternatives)) return { ...own, [several]: alternatives.map((each: Json) => withCommon(each, common)) };
  }
  const required = own['required'] as string[] | undefined;
  const type = required && required.length > 0 ? 'object' : ['object', 'null'];
  return { ...own, type, properties: { ...common, ...(own['properties'] as Json | undefined) } };
}

/** A name that is a type's needs no `type`, and may have another; any other name needs one. */
function section(kind: string, description: string, components: readonly Component[]): Json {
  const named = components.map(({ name, summary }) => {
    const byType = when({ type: 'object', required: ['type'] }, { $ref: `#/$defs/${kind}` }, { $ref: `#/$defs/${kind}.${name}` });
    return [name, { description: summary, ...byType }];
  });
  return {
    type: 'object',
    description,
    propertyNames: { pattern: NAME_PATTERN.source, maxLength: NAME_LENGTH_MAX },
    properties: Object.fromEntries(named) as Json,
    additionalProperties: { $ref: `#/$defs/${kind}` },
    minProperties: 1,
  };
}

/** In the order of the parameters of `when`. */
const CONDITION = ['if', 'then', 'else'] as const;

/** A condition; an object literal with a `then` would look like a promise. */
function when(test: Json, yes: Json, no?: Json): Json {
  const parts = [test, yes, no].map((part, i) => [CONDITION[i], part]);
  return Object.fromEntries(parts.filter(([, part]) => part !== undefined)) as Json;
}

/** What may be written for a schema, without the marks of ours that no editor knows. */
function convert(schema: z.ZodType): Json {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override: (made) => adapt(made.zodSchema, made.jsonSchema as Json),
  }) as Json;
  delete json['$schema'];
  return allowSubstitution(json, false) as Json;
}

/** A default of a transforming schema is left out by zod, because it is a parsed value; here it is as an operator writes it. */
function adapt(zodSchema: z.core.$ZodType, json: Json): void {
  const { meta, default: standard } = shapeOf(zodSchema);
  if (standard !== undefined && json['default'] === undefined) json['default'] = standard;
  if (meta.secret) json['writeOnly'] = true;
  if (meta['examples'] !== undefined) json['examples'] = meta['examples'];
  const pattern = meta.written && PATTERNS[meta.written];
  if (pattern) {
    delete json['type'];
    json['anyOf'] = [
      { type: 'string', pattern },
      { type: 'number', minimum: 0 },
    ];
  }
  // What an integer is bounded by where nobody bounds it.
  if (json['minimum'] === Number.MIN_SAFE_INTEGER) delete json['minimum'];
  if (json['maximum'] === Number.MAX_SAFE_INTEGER) delete json['maximum'];
  if (meta.written === 'regex') json['format'] = 'regex';
  for (const mark of ['written', 'secret', 'public']) delete json[mark];
}

/** Keywords whose members are schemas by name. */
const MAPS = new Set(['properties', '$defs', 'patternProperties']);

/** Lets a substitution stand for whatever is checked closer than a text is. */
function allowSubstitution(node: unknown, named: boolean): unknown {
  if (Array.isArray(node)) return node.map((item) => allowSubstitution(item, false));
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => {
    if (!named && ['default', 'examples', 'enum', 'const', 'required', 'propertyNames'].includes(key)) return [key, value];
    return [key, allowSubstitution(value, !named && MAPS.has(key))];
  });
  const result = Object.fromEntries(entries) as Json;
  if (named) return result;
  return isClosed(result) ? loosened(result) : flattened(result);
}

/** Whether a text with a substitution in it would be refused. */
function isClosed(json: Json): boolean {
  const { type } = json;
  if (type === 'number' || type === 'integer' || type === 'boolean') return true;
  return json['enum'] !== undefined || (type === 'string' && (json['pattern'] !== undefined || json['format'] !== undefined));
}

function loosened(json: Json): Json {
  const { description, default: standard, examples, writeOnly, ...rest } = json;
  const about = Object.entries({ description, default: standard, examples, writeOnly }).filter(
    ([, value]) => value !== undefined,
  );
  return { ...Object.fromEntries(about), anyOf: [rest, { $ref: SUBSTITUTION }] };
}

/** Alternatives of alternatives as one list, each once. */
function flattened(json: Json): Json {
  if (!Array.isArray(json['anyOf'])) return json;
  const members = (json['anyOf'] as Json[]).flatMap((member) =>
    Array.isArray(member['anyOf']) && Object.keys(member).length === 1 ? (member['anyOf'] as Json[]) : [member],
  );
  const once = new Map(members.map((member) => [JSON.stringify(member), member]));
  const substitution = once.get(JSON.stringify({ $ref: SUBSTITUTION }));
  const others = [...once.values()].filter((member) => member !== substitution);
  return { ...json, anyOf: substitution ? [...others, substitution] : others };
}
