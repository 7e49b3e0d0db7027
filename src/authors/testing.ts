/** `tidegate/testing`: one sample or one batch of a component of one's own, for its test, with any test runner. See docs/plugins.md. */
import { fileURLToPath } from 'node:url';
import type { BrokerDefinition, Message } from '../broker.ts';
import { systemClock } from '../clock.ts';
import { JsonEncoder } from '../codec/json.ts';
import { type AnyTable, type Cell, createSource, type Table, TideEvent } from '../event.ts';
import { Host } from '../host.ts';
import type { Sensor } from '../sensor.ts';
import { type AnySink, isBroker } from '../sink.ts';

/** A row as a reader sees it: attribute and field names to their cells; what is absent is left out. */
export type PlainRow = Record<string, Cell | number>;
export interface PlainTable {
  readonly type: string;
  readonly rows: readonly PlainRow[];
}

export interface SampleOptions {
  /** A folder with `host.json`, `proc/`, `sys/` and `root/`, as `tidegate record` makes it; this machine without one. */
  readonly host?: URL | string;
  /** As an operator writes them. */
  readonly options?: unknown;
  /** The moment of the sample, as Unix time in milliseconds (default 0). */
  readonly time?: number;
}

/** Opens the sensor, samples once and closes. Throws what the sensor throws. */
export async function sample(sensor: Sensor, { host, options = {}, time = 0 }: SampleOptions = {}): Promise<PlainTable[]> {
  const machine = host === undefined ? new Host() : Host.recorded(host instanceof URL ? fileURLToPath(host) : host);
  const state = { load: () => undefined, save: async () => {} };
  const context = { name: sensor.name, timeout: 10_000, state, warn: () => {}, info: () => {} };
  const sampler = await sensor.open(machine, sensor.options.parse(options), context);
  try {
    return (await sampler.sample(new AbortController().signal, time)).map((table) => plain(table.seal()));
  } finally {
    await sampler.close?.();
  }
}

/** Tables as events of a source that is always the same, a minute apart from each other. */
export function events(tables: readonly AnyTable[]): TideEvent[] {
  const source = createSource({ agent: 'test', run: 'run', sensor: 'test', host: 'machine', labels: {} });
  return tables.map((table, i) => new TideEvent(source, i + 1, i * 60_000, table.seal()));
}

/**
 * Opens the sink, connects, writes all as one batch and closes. A sink to a broker gets messages, as JSON, numbered from 1 in the lane 0 of
 * the run `run`. Throws what the sink throws.
 */
export async function deliver(
  sink: AnySink,
  batch: readonly TideEvent[],
  { options = {}, stateDir = '.' }: { readonly options?: unknown; readonly stateDir?: string } = {},
): Promise<void> {
  if (isBroker(sink)) return await deliverMessages(sink, batch.map(messageOf), options);
  const opened = sink.open({ name: sink.name, stateDir, warn: () => {} }, sink.options.parse(options));
  const { signal } = new AbortController();
  try {
    await opened.connect(signal);
    await opened.write(batch, signal);
  } finally {
    await opened.close();
  }
}

async function deliverMessages(sink: BrokerDefinition, messages: readonly Message[], options: unknown): Promise<void> {
  const context = { name: sink.name, agent: 'test', clock: systemClock, warn: () => {}, blocked: () => {} };
  const broker = sink.openBroker(context, sink.options.parse(options));
  const { signal } = new AbortController();
  try {
    const connection = await broker.connect(signal);
    try {
      await connection.write(messages, signal);
    } finally {
      await connection.close();
    }
  } finally {
    await broker.close();
  }
}

function messageOf(event: TideEvent, index: number): Message {
  const { id, type, time, source } = event;
  const { agent, host, sensor } = source;
  const body = Buffer.from(new JsonEncoder().encodeBytes(event));
  const at = { lane: 0, seq: `run/0/${index + 1}`, backfill: false };
  return { id, type, time, agent, host, sensor, contentType: 'application/json', body, ...at };
}

function plain({ schema, layout, values, absent }: Table): PlainTable {
  const rows = Array.from({ length: layout.rows }, (_, r) => {
    const row: PlainRow = {};
    for (const [a, name] of schema.attributes.entries()) row[name] = layout.attributes[a]?.[r] as Cell;
    for (const [f, name] of schema.fieldNames.entries()) {
      const at = f * layout.rows + r;
      if (!absent?.[at]) row[name] = values[at] as number;
    }
    return row;
  });
  return { type: schema.type, rows };
}
