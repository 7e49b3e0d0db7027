/**
 * Checks a value against a JSON Schema, as far as ours go: enough to see that an editor would take or refuse a configuration. A
 * keyword that it does not know makes it throw, so that it cannot say yes by ignorance.
 */
type Json = Record<string, unknown>;

/** Keywords that only inform. */
const NOTES = new Set(['$schema', '$defs', 'title', 'description', 'default', 'examples', 'writeOnly', 'format', 'else', 'then']);

/** What the schema says against the value, each with its path. */
export function refusals(root: Json, value: unknown): string[] {
  return walk(root, root, value, '$');
}

function walk(root: Json, schema: unknown, value: unknown, path: string): string[] {
  if (schema === true) return [];
  if (schema === false) return [`${path} is not allowed`];
  return Object.keys(schema as Json).flatMap((keyword) => {
    if (NOTES.has(keyword)) return [];
    const check = KEYWORDS[keyword];
    if (!check) throw new Error(`the walker does not know ${keyword}`);
    return check({ root, schema: schema as Json, limit: (schema as Json)[keyword], value, path });
  });
}

interface Visit {
  readonly root: Json;
  readonly schema: Json;
  /** The keyword's own value. */
  readonly limit: unknown;
  readonly value: unknown;
  readonly path: string;
}

const fail = (right: boolean, { path, value }: Visit, what: string): string[] =>
  right ? [] : [`${path}: ${JSON.stringify(value)} ${what}`];
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const passes = (visit: Visit, schema: unknown): boolean => walk(visit.root, schema, visit.value, visit.path).length === 0;

function isOfType(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  return type === 'object' ? isObject(value) : typeof value === type;
}

const KEYWORDS: Readonly<Record<string, (visit: Visit) => string[]>> = {
  $ref: ({ root, limit, value, path }) => {
    const parts = (limit as string).split('/').slice(1);
    const target = parts.reduce<unknown>((json, part) => (json as Json)[part], root);
    if (target === undefined) throw new Error(`${String(limit)} leads nowhere`);
    return walk(root, target, value, path);
  },
  type: (visit) =>
    fail(
      [visit.limit].flat().some((type) => isOfType(visit.value, type as string)),
      visit,
      `is no ${String(visit.limit)}`,
    ),
  const: (visit) => fail(same(visit.value, visit.limit), visit, 'is another constant'),
  enum: (visit) =>
    fail(
      (visit.limit as unknown[]).some((each) => same(each, visit.value)),
      visit,
      'is no choice',
    ),
  pattern: (visit) =>
    fail(typeof visit.value !== 'string' || new RegExp(visit.limit as string, 'u').test(visit.value), visit, 'does not match'),
  minLength: (visit) =>
    fail(typeof visit.value !== 'string' || visit.value.length >= (visit.limit as number), visit, 'is too short'),
  maxLength: (visit) =>
    fail(typeof visit.value !== 'string' || visit.value.length <= (visit.limit as number), visit, 'is too long'),
  minimum: (visit) => fail(typeof visit.value !== 'number' || visit.value >= (visit.limit as number), visit, 'is too small'),
  maximum: (visit) => fail(typeof visit.value !== 'number' || visit.value <= (visit.limit as number), visit, 'is too large'),
  exclusiveMinimum: (visit) =>
    fail(typeof visit.value !== 'number' || visit.value > (visit.limit as number), visit, 'is too small'),
  minItems: (visit) => fail(!Array.isArray(visit.value) || visit.value.length >= (visit.limit as number), visit, 'is too short'),
  maxItems: (visit) => fail(!Array.isArray(visit.value) || visit.value.length <= (visit.limit as number), visit, 'is too long'),
  items: ({ root, limit, value, path }) =>
    Array.isArray(value) ? value.flatMap((item, i) => walk(root, limit, item, `${path}[${i}]`)) : [],
  required: (visit) =>
    isObject(visit.value)
      ? (visit.limit as string[]).flatMap((name) => fail(name in (visit.value as Json), visit, `lacks ${name}`))
      : [],
  minProperties: (visit) =>
    fail(!isObject(visit.value) || Object.keys(visit.value).length >= (visit.limit as number), visit, 'has too few members'),
  properties: ({ root, limit, value, path }) =>
    isObject(value)
      ? Object.entries(limit as Json).flatMap(([name, inner]) =>
          name in value ? walk(root, inner, value[name], `${path}.${name}`) : [],
        )
      : [],
  additionalProperties: ({ root, schema, limit, value, path }) =>
    isObject(value)
      ? Object.keys(value)
          .filter((name) => !Object.hasOwn((schema['properties'] ?? {}) as Json, name))
          .flatMap((name) => walk(root, limit, value[name], `${path}.${name}`))
      : [],
  propertyNames: ({ root, limit, value, path }) =>
    isObject(value) ? Object.keys(value).flatMap((name) => walk(root, limit, name, `${path}.${name}`)) : [],
  allOf: ({ root, limit, value, path }) => (limit as unknown[]).flatMap((each) => walk(root, each, value, path)),
  anyOf: (visit) =>
    fail(
      (visit.limit as unknown[]).some((each) => passes(visit, each)),
      visit,
      'fits no alternative',
    ),
  oneOf: (visit) =>
    fail((visit.limit as unknown[]).filter((each) => passes(visit, each)).length === 1, visit, 'does not fit one alternative'),
  if: (visit) => {
    const branch = visit.schema[passes(visit, visit.limit) ? 'then' : 'else'];
    return branch === undefined ? [] : walk(visit.root, branch, visit.value, visit.path);
  },
};
