/**
 * Messages back into events. Takes any bytes: what is not an event of format 1 is a `DecodeError` that says why, and the work and
 * memory are bounded by the size of the message, which has a limit.
 */
import { decode } from '@msgpack/msgpack';
import { z } from 'zod';
import { describe } from '../errors.ts';
import { type DecodedEvent, FORMAT_VERSION } from './format.ts';
import { checkMsgpack } from './msgpack-check.ts';

/** The longest message that is decoded, in bytes. Brokers' own limits are below: 1 MiB in Kafka, 16 to 128 MiB in RabbitMQ. */
export const MESSAGE_BYTES_MAX = 128 * 2 ** 20;

export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

const cell = z.union([z.string(), z.record(z.string(), z.string())]);
const members = z.object({
  v: z.literal(FORMAT_VERSION),
  id: z.string(),
  type: z.string(),
  time: z.number(),
  host: z.string(),
  sensor: z.string(),
  labels: z.record(z.string(), z.string()),
  rows: z.int().nonnegative(),
  attributes: z.record(z.string(), z.array(z.unknown())),
  fields: z.record(
    z.string(),
    z.object({ kind: z.enum(['counter', 'updowncounter', 'gauge']), unit: z.string(), values: z.array(z.unknown()) }),
  ),
});

const NON_NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['+Inf', Number.POSITIVE_INFINITY],
  ['-Inf', Number.NEGATIVE_INFINITY],
]);

/** An event from its JSON, a string or UTF-8. Throws `DecodeError`. */
export function decodeJson(message: string | Uint8Array): DecodedEvent {
  limit(message.length);
  const text = typeof message === 'string' ? message : new TextDecoder().decode(message);
  return toEvent(
    attempt('JSON', () => JSON.parse(text)),
    true,
  );
}

/** An event from its MessagePack. Throws `DecodeError`. */
export function decodeMsgpack(message: Uint8Array): DecodedEvent {
  limit(message.length);
  return toEvent(
    attempt('MessagePack', () => {
      checkMsgpack(message);
      return decode(message);
    }),
    false,
  );
}

/** An event from a message in either encoding, told apart by the first byte: a JSON object starts with `{`. Throws `DecodeError`. */
export function decodeEvent(message: Uint8Array): DecodedEvent {
  return message[0] === 0x7b ? decodeJson(message) : decodeMsgpack(message);
}

function limit(length: number): void {
  if (length > MESSAGE_BYTES_MAX) throw new DecodeError(`the message has ${length} bytes; the limit is ${MESSAGE_BYTES_MAX}`);
}

function attempt(encoding: string, parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    throw new DecodeError(`not ${encoding}: ${describe(error)}`, { cause: error });
  }
}

function toEvent(data: unknown, json: boolean): DecodedEvent {
  const version = typeof data === 'object' && data !== null && 'v' in data ? data.v : undefined;
  if (typeof version === 'number' && version > FORMAT_VERSION) {
    throw new DecodeError(`the message has format ${version}; this release reads format ${FORMAT_VERSION}: use a newer one`);
  }
  const parsed = members.safeParse(data);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0] as z.core.$ZodIssue;
    throw new DecodeError(`not an event of format ${FORMAT_VERSION}: ${path.join('.') || 'the message'}: ${message}`);
  }
  const event = parsed.data;
  for (const [name, cells] of Object.entries(event.attributes)) checkColumn('attributes', name, cells, event.rows, checkCell);
  for (const [name, field] of Object.entries(event.fields)) {
    checkColumn('fields', name, field.values, event.rows, (value) => toNumber(value, json));
  }
  return event as DecodedEvent;
}

/** Checks the length of a column and replaces each cell in place by what `check` makes of it; undefined refuses it. */
function checkColumn(of: string, name: string, cells: unknown[], rows: number, check: (cell: unknown) => unknown): void {
  if (cells.length !== rows) throw new DecodeError(`${of}.${name} has ${cells.length} cells for ${rows} rows`);
  for (let r = 0; r < rows; r++) {
    const value = check(cells[r]);
    if (value === undefined) throw new DecodeError(`${of}.${name}[${r}] is ${JSON.stringify(cells[r])?.slice(0, 80)}`);
    cells[r] = value;
  }
}

const checkCell = (value: unknown): unknown => (typeof value === 'string' || cell.safeParse(value).success ? value : undefined);

function toNumber(value: unknown, json: boolean): number | null | undefined {
  if (typeof value === 'number' || value === null) return value;
  return json ? NON_NUMBERS.get(value) : undefined;
}
