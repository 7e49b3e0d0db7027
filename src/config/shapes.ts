/**
 * What a zod schema says of itself: its options with their documentation, how a default is written, what is secret. Reference
 * pages, `tidegate init`, the JSON Schema and the hiding of secrets are made from this.
 */
import * as z from 'zod';
import { formatBytes, formatDuration } from '../options.ts';

export type Meta = z.core.GlobalMeta;

/** A schema without what is around its core: optional, default, transform. */
export interface Shape {
  readonly core: z.core.$ZodTypes;
  /** What was said with `describe` and `meta`, from the outermost inwards. */
  readonly meta: Meta;
  readonly required: boolean;
  /** As an operator writes it; absent when there is none, or none that can be written. */
  readonly default?: unknown;
}

/** One option of a component. */
export interface OptionShape extends Shape {
  readonly name: string;
  readonly schema: z.core.$ZodType;
}

type Def = z.core.$ZodTypes['_zod']['def'];
/** What lets a value be left out. */
const OMISSIBLE: ReadonlySet<string> = new Set(['optional', 'default', 'prefault', 'catch']);

/** zod's own account of a schema. */
const defOf = ({ _zod: { def } }: z.core.$ZodTypes): Def => def;

/** Looks through what is around a schema's core. */
export function shapeOf(schema: z.core.$ZodType): Shape {
  const layers: z.core.$ZodTypes[] = [];
  for (let layer: z.core.$ZodTypes | undefined = schema as z.core.$ZodTypes; layer; layer = innerOf(layer)) layers.push(layer);
  const defs = layers.map(defOf);
  const meta = Object.assign({}, ...layers.map((layer) => z.globalRegistry.get(layer)).toReversed()) as Meta;
  const standard = defs.find((def) => def.type === 'default' || def.type === 'prefault');
  const value = standard?.type === 'prefault' ? standard.defaultValue : written(standard?.defaultValue, meta);
  const required = !defs.some((def) => OMISSIBLE.has(def.type));
  return { core: layers.at(-1) as z.core.$ZodTypes, meta, required, ...(value === undefined ? {} : { default: value }) };
}

/** The kind of a schema's core: `object`, `string`, `union`, … */
export function kindOf(schema: z.core.$ZodType): string {
  return defOf(shapeOf(schema).core).type;
}

function innerOf(schema: z.core.$ZodTypes): z.core.$ZodTypes | undefined {
  const def = defOf(schema);
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return def.innerType as z.core.$ZodTypes;
    case 'lazy':
      return def.getter() as z.core.$ZodTypes;
    case 'pipe':
      return (defOf(def.in as z.core.$ZodTypes).type === 'transform' ? def.out : def.in) as z.core.$ZodTypes;
    default:
      return undefined;
  }
}

/** A parsed value as an operator writes it, or undefined when it cannot be. */
function written(value: unknown, meta: Meta): unknown {
  if (typeof value === 'number' && meta.written === 'duration') return formatDuration(value);
  if (typeof value === 'number' && meta.written === 'bytes') return formatBytes(value);
  if (value instanceof RegExp) return value.source;
  return typeof value === 'function' || typeof value === 'symbol' ? undefined : value;
}

/** The options of a schema in their order: those of an object, or of all objects that a union names. */
export function optionsOf(schema: z.core.$ZodType): OptionShape[] {
  const options = new Map<string, OptionShape>();
  for (const object of objectsOf(schema)) {
    for (const [name, option] of Object.entries(object.shape)) {
      if (!options.has(name)) options.set(name, { name, schema: option, ...shapeOf(option) });
    }
  }
  return [...options.values()];
}

/** The object schemas that a value may have to fulfil. */
function objectsOf(schema: z.core.$ZodType): z.core.$ZodObjectDef[] {
  const { core } = shapeOf(schema);
  const def = defOf(core);
  if (def.type === 'object') return [def];
  if (def.type === 'union') return def.options.flatMap(objectsOf);
  return def.type === 'intersection' ? [...objectsOf(def.left), ...objectsOf(def.right)] : [];
}

/** The schema at a path of values, or undefined where the path leaves what is declared. */
export function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let current: z.core.$ZodType | undefined = schema;
  for (const key of path) current = current && memberSchema(current, key);
  return current;
}

function memberSchema(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  const { core } = shapeOf(schema);
  const def = defOf(core);
  switch (def.type) {
    case 'object':
      if (Object.hasOwn(def.shape, key)) return def.shape[key as string];
      // A strict object's is "never", which in a union would stand before the alternative that knows the key.
      return def.catchall && kindOf(def.catchall) !== 'never' ? def.catchall : undefined;
    case 'record':
      return def.valueType;
    case 'array':
      return def.element;
    case 'tuple':
      return def.items[Number(key)] ?? def.rest ?? undefined;
    case 'union':
      return firstOf(def.options, (option) => memberSchema(option, key));
    case 'intersection':
      return memberSchema(def.left, key) ?? memberSchema(def.right, key);
    default:
      return undefined;
  }
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** How much of a value may be shown. `open` is what cannot be a secret: a number, a choice, what goes out with every event. */
export type Privacy = 'secret' | 'unknown' | 'open';
/** What becomes of a text, number or other leaf; `container[key]` is what was written. */
export type Leaf = (container: object, key: string, privacy: Privacy) => unknown;

const asWritten: Leaf = (container, key) => (container as Record<string, unknown>)[key];

/** A copy of what was written with every default that can be written. What the schema does not know is of `unknown` privacy. */
export function effective(
  schema: z.core.$ZodType | undefined,
  value: unknown,
  leaf: Leaf = asWritten,
  around: Privacy = 'unknown',
): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const privacy = privacyOf(schema, around);
  const member = (key: string, inner: unknown): unknown => {
    const known = schema && memberSchema(schema, key);
    if (typeof inner === 'object' && inner !== null) return effective(known, inner, leaf, privacy);
    return leaf(value, key, leafPrivacy(known, inner, privacy));
  };
  if (Array.isArray(value)) return value.map((item, i) => member(String(i), item));
  const result: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) result[key] = member(key, inner);
  for (const option of schema ? defaultsOf(schema) : []) {
    if (!Object.hasOwn(value, option.name)) result[option.name] = effective(option.schema, option.default);
  }
  return result;
}

/** Defaults of an object; which alternative of a union would give its own cannot be told. */
function defaultsOf(schema: z.core.$ZodType): OptionShape[] {
  return kindOf(schema) === 'object' ? optionsOf(schema).filter((option) => option.default !== undefined) : [];
}

function privacyOf(schema: z.core.$ZodType | undefined, around: Privacy): Privacy {
  if (!schema || around === 'secret') return around;
  const { core, meta } = shapeOf(schema);
  if (meta.secret) return 'secret';
  if (meta.public || around === 'open' || meta.written === 'duration' || meta.written === 'bytes') return 'open';
  return ['number', 'boolean', 'enum', 'literal'].includes(defOf(core).type) ? 'open' : 'unknown';
}

/** Of a union, the alternative that a leaf is of may be secret where others are not: a password, or the file that holds it. */
function leafPrivacy(schema: z.core.$ZodType | undefined, value: unknown, around: Privacy): Privacy {
  const privacy = privacyOf(schema, around);
  const def = schema && defOf(shapeOf(schema).core);
  if (def?.type !== 'union') return privacy;
  const alternative = def.options.find((option) => kindOf(option) === typeof value);
  return alternative ? privacyOf(alternative, privacy) : privacy;
}

/** What an operator might write for an option: its default, its first example, or something of its type; undefined when neither is valid. */
export function exampleOf(schema: z.core.$ZodType): unknown {
  const shape = shapeOf(schema);
  const candidates = [shape.default, ...((shape.meta['examples'] as unknown[] | undefined) ?? []), plausible(shape.core)];
  return candidates.find((candidate) => candidate !== undefined && z.safeParse(schema, candidate).success);
}

function plausible(core: z.core.$ZodTypes): unknown {
  const def = defOf(core);
  switch (def.type) {
    case 'string':
      return 'text';
    case 'number':
      return 1;
    case 'boolean':
      return false;
    case 'enum':
      return Object.values(def.entries)[0];
    case 'literal':
      return def.values[0];
    case 'array': {
      const item = exampleOf(def.element);
      return item === undefined ? [] : [item];
    }
    case 'record':
      return {};
    case 'object': {
      const members = optionsOf(core).filter((option) => option.required);
      return Object.fromEntries(members.map((option) => [option.name, exampleOf(option.schema)]));
    }
    case 'union':
      return firstOf(def.options, exampleOf);
    default:
      return undefined;
  }
}
