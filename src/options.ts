/**
 * Option types that more than one component has. Each parses what an operator writes and yields base units.
 *
 * What a schema says beyond its checks, with `.meta()`:
 *   written   how the value is written, where that is more than its type: `duration`, `bytes`, `regex`, `globs`
 *   secret    never shown, in no log, message or excerpt
 *   public    goes out with every event, so that a value of a variable here is no secret
 *   examples  what an operator might write; `tidegate init` takes the first one for an option without a default
 * A default is given as an operator writes it: `duration().prefault('10s')`.
 */
import picomatch from 'picomatch';
import * as z from 'zod';
import { describe } from './errors.ts';

export type Written = 'duration' | 'bytes' | 'regex' | 'globs';

declare module 'zod' {
  interface GlobalMeta {
    written?: Written;
    secret?: boolean;
    public?: boolean;
  }
}

const MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const BYTES: Readonly<Record<string, number>> = {
  TiB: 2 ** 40,
  GiB: 2 ** 30,
  MiB: 2 ** 20,
  KiB: 2 ** 10,
  TB: 1e12,
  GB: 1e9,
  MB: 1e6,
  kB: 1e3,
  KB: 1e3,
  B: 1,
};
/** How durations and sizes are written, as JSON Schema has it; a number alone is seconds, or bytes. */
export const DURATION_PATTERN = '^(\\d+(\\.\\d+)?(ms|s|m|h|d))+$';
export const BYTES_PATTERN = '^\\d+(\\.\\d+)?\\s*([kKMGT]?B|[KMGT]iB)?$';

const DURATION_HELP = 'write it as 500ms, 10s, 1m30s, 24h or 7d';
const BYTES_HELP = 'write it as 512KiB, 64MiB or 2GiB';

/** `500ms`, `10s`, `1m30s`, `24h`, `7d`: a number of milliseconds, or undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  if (!new RegExp(DURATION_PATTERN).test(text)) return undefined;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    ms += Number(number) * MS[unit as keyof typeof MS];
  // A thousandth of a millisecond is finer than any clock here; what is below it is the error of binary fractions.
  return Math.round(ms * 1000) / 1000;
}

/** The inverse of `parseDuration`: `90000` is `1m30s`. Whole days are written as such from two days on, as people do. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  let [rest, text] = [ms, ''];
  for (const [unit, size] of Object.entries(MS)) {
    if (unit === 'd' && (ms % size !== 0 || ms < 2 * size)) continue;
    const count = unit === 'ms' ? rest : Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** `512KiB`, `64MiB`, `2GB`, `1024`: a number of bytes, or undefined when it is none of these. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text);
  if (!match) return undefined;
  const unit = match[2] as string;
  const factor = unit === '' ? 1 : Object.hasOwn(BYTES, unit) ? BYTES[unit] : undefined;
  return factor === undefined ? undefined : Math.round(Number(match[1]) * factor);
}

/** The inverse of `parseBytes`: the shortest that needs no fraction. */
export function formatBytes(size: number): string {
  let shortest: string | undefined;
  for (const [unit, factor] of Object.entries(BYTES)) {
    if (size < factor || size % factor !== 0) continue;
    const text = `${size / factor}${unit === 'B' ? '' : unit}`;
    if (shortest === undefined || text.length < shortest.length) shortest = text;
  }
  return shortest ?? String(size);
}

/** A duration option, in milliseconds: written `10s`, or a bare number of seconds. `min` and `max` are in milliseconds. */
export function duration(limits: { min?: number; max?: number } = {}): z.ZodType<number, string | number> {
  const { min = 0, max = 366 * MS.d } = limits;
  return z
    .union([z.string(), z.number()], { error: `expected a duration; ${DURATION_HELP}` })
    .transform((value, context) => {
      const ms = typeof value === 'number' ? value * 1000 : parseDuration(value);
      const why = ms === undefined ? 'is not a duration' : outside(ms, min, max, formatDuration);
      if (ms !== undefined && why === undefined) return ms;
      context.addIssue({ code: 'custom', message: `${JSON.stringify(value)} ${why}; ${DURATION_HELP}` });
      return z.NEVER;
    })
    .meta({ written: 'duration', examples: ['10s'] });
}

/** A size option, in bytes: written `64MiB`, `2GB`, or a bare number of bytes. */
export function bytes(limits: { min?: number; max?: number } = {}): z.ZodType<number, string | number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
  return z
    .union([z.string(), z.number()], { error: `expected a size; ${BYTES_HELP}` })
    .transform((value, context) => {
      const size = typeof value === 'number' ? value : parseBytes(value);
      const whole = size !== undefined && Number.isInteger(size);
      const why = whole ? outside(size, min, max, formatBytes) : 'is not a size';
      if (whole && why === undefined) return size;
      context.addIssue({ code: 'custom', message: `${JSON.stringify(value)} ${why}; ${BYTES_HELP}` });
      return z.NEVER;
    })
    .meta({ written: 'bytes', examples: ['64MiB'] });
}

function outside(value: number, min: number, max: number, format: (value: number) => string): string | undefined {
  if (value < min) return `is less than the minimum of ${format(min)}`;
  return value > max ? `is more than the maximum of ${format(max)}` : undefined;
}

/** A regular expression option (ECMAScript, `u` flag). */
export function regex(): z.ZodType<RegExp, string> {
  return z
    .string()
    .transform((value, context) => {
      try {
        return new RegExp(value, 'u');
      } catch (error) {
        const why = describe(error).replace('Invalid regular expression: ', '');
        context.addIssue({ code: 'custom', message: `${JSON.stringify(value)} is not a regular expression: ${why}` });
        return z.NEVER;
      }
    })
    .meta({ written: 'regex', examples: ['^(lo|docker.*)$'] });
}

/** Name patterns, as `matcher` takes them: one, or a list. Yields a test for one name. */
export function globs(): z.ZodType<(name: string) => boolean, string[] | string> {
  const pattern = z.string().min(1, 'a pattern must not be empty');
  return z
    .union([pattern, z.array(pattern)])
    .transform((patterns, context) => {
      try {
        return matcher(patterns);
      } catch (error) {
        context.addIssue({ code: 'custom', message: `not a name pattern: ${describe(error)}` });
        return z.NEVER;
      }
    })
    .meta({ written: 'globs', examples: [['*']] });
}

/** A text that is never shown: a password, a token. */
export function secret(): z.ZodString {
  return z.string().min(1).meta({ secret: true });
}

/**
 * True for the names that one of the patterns matches and none with a leading `!` does; patterns with `!` alone match all
 * other names, and no pattern matches none. A `*` matches any run of characters, `/` and a leading dot included, `?` one
 * character but `/`, `[a-z]` one of these, `{a,b}` one of the alternatives.
 */
export function matcher(patterns: string | readonly string[]): (name: string) => boolean {
  const list = typeof patterns === 'string' ? [patterns] : patterns;
  const without = anyOf(list.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1)));
  const positive = list.filter((pattern) => !pattern.startsWith('!'));
  if (list.length > 0 && positive.length === 0) return (name) => !without(name);
  const within = anyOf(positive);
  return list.length === positive.length ? within : (name) => within(name) && !without(name);
}

function anyOf(patterns: readonly string[]): (name: string) => boolean {
  const plain = new Set(patterns.filter((pattern) => /^[\w./:@ -]*$/.test(pattern)));
  // `bash` makes a star cross slashes and `s` line ends: device and mount names are names here, not paths.
  const options = { bash: true, dot: true, nonegate: true, keepQuotes: true, flags: 's' };
  const expressions = patterns.filter((pattern) => !plain.has(pattern)).map((pattern) => picomatch.makeRe(pattern, options));
  if (expressions.length === 0) return (name) => plain.has(name);
  return (name) => plain.has(name) || expressions.some((expression) => expression.test(name));
}
