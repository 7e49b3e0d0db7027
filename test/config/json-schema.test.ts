import { describe, expect, test } from 'vitest';
import * as yaml from 'yaml';
import { jsonSchema } from '../../src/config/json-schema.ts';
import { refusals } from './json-schema-walker.ts';
import { around, testRegistry } from './support.ts';

/** What the schema says against a configuration; nothing when it takes it. */
const refused = async (text: string): Promise<string[]> => refusals(await jsonSchema(testRegistry()), yaml.parse(text));

describe('the walker of this test', () => {
  test.each([
    [{ type: 'string', pattern: '^a' }, 'b'],
    [{ type: ['object', 'null'] }, 5],
    [{ type: 'integer' }, 1.5],
    [{ enum: ['a'] }, 'b'],
    [{ const: 1 }, 2],
    [{ anyOf: [{ type: 'string' }, { type: 'number', minimum: 3 }] }, 2],
    [{ oneOf: [{ const: 'a' }, { type: 'string' }] }, 'a'],
    [{ properties: { a: { type: 'string' } }, additionalProperties: false }, { b: 1 }],
    [{ required: ['a'] }, {}],
    [{ items: { maxLength: 1 }, minItems: 1 }, ['ab']],
    [{ propertyNames: { pattern: '^a' } }, { b: 1 }],
    [JSON.parse('{ "if": { "required": ["a"] }, "then": { "required": ["b"] } }') as object, { a: 1 }],
    [{ $defs: { x: { type: 'null' } }, $ref: '#/$defs/x' }, 1],
  ])('refuses by %j', (schema, value) => {
    expect(refusals(schema as Record<string, unknown>, value)).not.toEqual([]);
  });

  test('knows every keyword that the schema uses', () => {
    expect(() => refusals({ unevaluatedProperties: false }, {})).toThrow('unevaluatedProperties');
  });
});

describe('takes', () => {
  test.each([
    ['the smallest', around()],
    ['entries that are empty', 'sensors:\n  cpu:\nsinks:\n  file: { path: x }\n'],
    [
      'an example of everything',
      `
interval: 1m30s
timeout: 2
labels: { env: prod, rack: "\${RACK}" }
include: [conf.d/*.yaml]
log: { level: debug }
sensors:
  cpu: { per_cpu: "\${V}", interval: 500ms, enabled: false }
  disk: { exclude: '^a', only: [sd*], least: 10 MiB, settle: 1.5, labels: { a: b } }
  cpu2: { type: cpu }
  node: { type: scrape, targets: ["http://127.0.0.1:9100/metrics"], port: "\${PORT:-80}", auth: { kind: bearer, token: t } }
sinks:
  file: { type: broker, servers: [a], acks: "\${ACKS}", tls: { ca: x } }
  broker:
    servers: [a]
    tls: true
    select: "system.*"
    queue: { max_events: 5, max_bytes: 1GiB, max_age: 24h, when_full: block }
    batch: { wait: 1s }
    backoff: { max: 1m }
`,
    ],
  ])('%s', async (_name, text) => {
    expect(await refused(text)).toEqual([]);
  });
});

describe('refuses', () => {
  test.each([
    ['an unknown option at the top', around(undefined, undefined, 'intervall: 1s')],
    ['an unknown option of a sensor', around('  cpu: { per_cpus: true }')],
    ['an unknown option of a sensor under another name', around('  mine: { type: cpu, per_cpus: true }')],
    ['an option of another type', around('  cpu: { type: disk, per_cpu: true }')],
    ['an unknown type', around('  cpu: { type: gpu }')],
    ['a name that is no type and says none', around('  mine: {}')],
    ['a missing option', around(undefined, '  broker: {}')],
    ['a missing option of an empty entry', around(undefined, '  broker:')],
    ['a wrong duration', around('  cpu: { interval: 10 s }')],
    ['a wrong size', around('  disk: { least: 10MBB }')],
    ['a wrong choice', around(undefined, '  file: { path: x, queue: { when_full: drop } }')],
    ['a number out of range', around(undefined, '  file: { path: x, queue: { max_events: 0 } }')],
    ['a text for a number', around('  scrape: { targets: ["a:b"], port: "80" }')],
    ['a wrong name', around('  "A B": { type: cpu }')],
    ['an unknown option within an option', around(undefined, '  broker: { servers: [a], tls: { cax: 1, ca: x } }')],
  ])('%s', async (_name, text) => {
    expect(await refused(text)).not.toEqual([]);
  });
});

describe('for editors', () => {
  test('every option has a description, and defaults are as an operator writes them', async () => {
    const schema = await jsonSchema(testRegistry());
    const found = [...options(schema)];
    expect(found.length).toBeGreaterThan(40);
    // The members of `auth` and `tls` are left without one on purpose: nothing is made up for them.
    const bare = found.filter(([, option]) => typeof option['description'] !== 'string').map(([path]) => path);
    expect(bare.filter((path) => !/\/(auth|tls)\//.test(path))).toEqual([]);
    const defaults = new Map(found.map(([path, option]) => [path, option['default']]));
    expect(defaults.get('sensor.disk/least')).toBe('1MiB');
    expect(defaults.get('sensor.disk/settle')).toBe('1s500ms');
    expect(defaults.get('sensor.disk/exclude')).toBe('^(loop|ram)');
    expect(defaults.get('sink_common/queue/max_bytes')).toBe('64MiB');
    expect(defaults.get('sink_common/select')).toEqual(['*']);
  });

  test('secrets are marked, and no mark of ours is left', async () => {
    const schema = await jsonSchema(testRegistry());
    const found = new Map(options(schema));
    expect(found.get('sink.broker/password')).toMatchObject({ writeOnly: true });
    expect(JSON.stringify(schema)).not.toMatch(/"(secret|public|written|~standard)":/);
    expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
  });
});

type Json = Record<string, unknown>;

/** Every option with a name, by definition and path. */
function* options(schema: Json): Generator<[string, Json]> {
  yield* members(schema, '');
  for (const [name, definition] of Object.entries(schema['$defs'] as Json)) yield* members(definition as Json, name);
}

function* members(schema: Json, path: string): Generator<[string, Json]> {
  for (const several of ['anyOf', 'oneOf'])
    for (const each of (schema[several] as Json[] | undefined) ?? []) yield* members(each, path);
  for (const [name, option] of Object.entries((schema['properties'] ?? {}) as Json)) {
    const at = path === '' ? name : `${path}/${name}`;
    if ('$ref' in (option as Json) || name === 'type') continue;
    yield [at, option as Json];
    yield* members(option as Json, at);
  }
}
