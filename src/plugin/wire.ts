/** What the service and a plugin's worker say to each other: calls with numbered answers, and notices from the worker. */

import type { Message } from '../broker.ts';
import { SinkError, type SinkErrorCode, Unavailable } from '../errors.ts';
import type { Field, Schema } from '../event.ts';
import type { HostOptions, ReadKind } from '../host.ts';

/** What a worker is started with. */
export interface WorkerData {
  /** The plugin's file, absolute. */
  readonly file: string;
  /** Its name in the folder, which its component has too. */
  readonly name: string;
  readonly kind: 'sensor' | 'sink';
}

/** A schema as plain data. */
export interface PlainSchema {
  readonly type: string;
  readonly doc: string;
  readonly attributes: readonly string[];
  readonly maps: readonly string[];
  readonly fields: Readonly<Record<string, Field>>;
}

export const plainSchema = ({ type, doc, attributes, maps, fields }: Schema): PlainSchema => ({
  type,
  doc,
  attributes: [...attributes],
  maps: [...maps],
  fields: Object.fromEntries(
    Object.entries(fields).map(([name, { kind, unit, doc: what }]) => [name, { kind, unit, doc: what }]),
  ),
});

/** What a plugin says of itself: the answer to `describe`. `options` is a JSON Schema with the marks of `src/options.ts`. */
export interface Description {
  readonly summary: string;
  readonly notes: string | undefined;
  readonly interval: number | undefined;
  readonly byDefault: boolean | undefined;
  /** Whether a sink is one to a broker, which gets delivery around it. */
  readonly broker: boolean;
  readonly emits: readonly PlainSchema[];
  readonly options: Record<string, unknown>;
}

/** The answer to `check`: what is wrong with options, or what is emitted with them beside what always is, or where events end up. */
export interface Checked {
  readonly issues: readonly unknown[];
  readonly emits: readonly PlainSchema[];
  readonly destinations: readonly string[];
}

/** What `open` of a sensor is given. */
export interface SensorOpening {
  readonly host: HostOptions;
  /** Whether somebody wants to know what is read. */
  readonly watched: boolean;
  readonly options: unknown;
  readonly name: string;
  readonly timeout: number;
  /** What the instance kept from the run before. */
  readonly state: unknown;
}

/** What `open` of a sink is given. */
export interface SinkOpening {
  readonly name: string;
  readonly stateDir: string;
  readonly options: unknown;
}

/** What `open` of a sink to a broker is given. */
export interface BrokerOpening {
  readonly name: string;
  readonly agent: string;
  readonly options: unknown;
}

/** What `write` of a sink to a broker is given: the number of a connection, as `connect` answered it, and messages of one lane. */
export interface ConnectionBatch {
  readonly connection: number;
  readonly messages: readonly Message[];
}

export type Method = 'describe' | 'check' | 'open' | 'sample' | 'connect' | 'write' | 'disconnect' | 'close';

export type ToWorker =
  | { readonly id: number; readonly method: Method; readonly value: unknown }
  | { readonly abort: number }
  | { readonly saved: number };

/** What a worker tells unasked. */
export type Notice =
  | { readonly note: 'warn' | 'info'; readonly text: string }
  | { readonly blocked: string | undefined }
  | { readonly read: string; readonly kind: ReadKind }
  | { readonly save: number; readonly state: unknown };

export type FromWorker =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: PlainError }
  | { readonly fatal: string }
  | Notice;

/** An error as plain data: what the next step depends on, and its words. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code?: SinkErrorCode;
  readonly confirmed?: readonly number[];
}

export function plainError(error: unknown, describe: (error: unknown) => string): PlainError {
  const message = describe(error);
  if (!(error instanceof SinkError)) return { name: error instanceof Error ? error.name : 'Error', message };
  const { code, confirmed, name } = error;
  return { name, message, code, ...(confirmed && { confirmed: [...confirmed] }) };
}

export function errorOf({ name, message, code, confirmed }: PlainError): Error {
  if (code !== undefined) return new SinkError(code, message, confirmed && { confirmed: new Set(confirmed) });
  if (name === Unavailable.name) return new Unavailable(message);
  return new Error(message);
}
