/** Every place in a component's options where a text can stand, found by its schema: tests that must hold for each option have new ones at once. */
import type * as z from 'zod';
import { general } from '../../src/config/schema.ts';
import { type Meta, shapeOf } from '../../src/config/shapes.ts';
import { registry } from '../../src/registry.ts';

export interface OptionLeaf {
  /** From the component's options on; `*` is a name of the operator's own, `[]` a member of a list. */
  readonly path: readonly string[];
  readonly meta: Meta;
  readonly secret: boolean;
}

/** Where schemas hold themselves, this is deep enough. */
const DEPTH_MAX = 9;

function* leavesOf(schema: z.core.$ZodType, path: readonly string[] = [], around: Meta = {}): Iterable<OptionLeaf> {
  if (path.length > DEPTH_MAX) return;
  const { core, meta } = shapeOf(schema);
  const { secret = around.secret, public: open = around.public } = meta;
  const inner: Meta = { ...meta, ...(secret && { secret }), ...(open && { public: open }) };
  const { def } = core._zod;
  if (def.type === 'object') {
    for (const [name, option] of Object.entries(def.shape)) yield* leavesOf(option, [...path, name], inner);
  } else if (def.type === 'record') yield* leavesOf(def.valueType, [...path, '*'], inner);
  else if (def.type === 'array') yield* leavesOf(def.element, [...path, '[]'], inner);
  else if (def.type === 'union') for (const option of def.options) yield* leavesOf(option, path, inner);
  else if (def.type === 'intersection') for (const side of [def.left, def.right]) yield* leavesOf(side, path, inner);
  else yield { path, meta: inner, secret: secret === true };
}

/** All of them: of the options at the top, of each sensor and each sink, by `sensors.NAME` and the like. */
export async function allLeaves(): Promise<Map<string, OptionLeaf[]>> {
  const schemas = new Map<string, z.core.$ZodType>([['', general]]);
  for (const name of registry.sensorNames()) schemas.set(`sensors.${name}`, (await registry.loadSensor(name)).options);
  for (const name of registry.sinkNames()) schemas.set(`sinks.${name}`, (await registry.loadSink(name)).options);
  return new Map([...schemas].map(([component, schema]) => [component, [...leavesOf(schema)]]));
}

/** Options with a value at one place and nothing else. */
export function optionsWith([key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const inner = optionsWith(rest, value);
  return key === '[]' ? [inner] : { [key === '*' ? 'some' : key]: inner };
}
