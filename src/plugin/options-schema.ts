/**
 * Options of a plugin on their way from its worker: as a JSON Schema, with the marks of `src/options.ts` beside its keywords, and back as a
 * zod schema that says what there is, what the defaults are and what is secret. What such a schema cannot say (a transform, a check of the
 * plugin's own) is asked of the worker: see `verify` of a sensor and a sink.
 */
import * as z from 'zod';
import { shapeOf } from '../config/shapes.ts';

type Json = Record<string, unknown>;

/** What a plugin gives as `options`: a schema of zod 4, or a JSON Schema. Throws when it is neither. */
export function zodOf(options: unknown): z.ZodType {
  if (typeof options === 'object' && options !== null) {
    if ('_zod' in options) return options as z.ZodType;
    if (Object.keys(options).length === 0 || 'type' in options || 'properties' in options || '$schema' in options)
      return z.fromJSONSchema({ additionalProperties: false, ...options });
  }
  throw new Error('its `options` are neither a schema of zod 4 nor a JSON Schema of an object');
}

/** What may be written. A default of a transforming schema is left out by zod, because it is a parsed value; here it is as written. */
export function toJson(schema: z.ZodType): Json {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override: ({ zodSchema, jsonSchema }) => {
      const { default: standard } = shapeOf(zodSchema);
      if (standard !== undefined && jsonSchema.default === undefined) jsonSchema.default = standard;
    },
  }) as Json;
}

/** The inverse of `toJson`. What it yields is what was written, with defaults. */
export function fromJson(json: Json): z.ZodType {
  return z.fromJSONSchema(json);
}
