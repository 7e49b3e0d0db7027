/**
 * `tidegate check --connect`: tries the destinations of a configuration. A broker is connected to as the sink does it, exchange, queue or
 * topic checked, and let go of; nothing is sent. A sink that writes by itself is opened and closed, unless the running service has it
 * open: opening a file twice would take the one's half-written line for what a crash left.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerDefinition } from '../broker.ts';
import { systemClock } from '../clock.ts';
import type { Config, SinkEntry } from '../config/config.ts';
import { findService } from '../control/client.ts';
import { withDeadline } from '../deadline.ts';
import { destinationOf } from '../destination.ts';
import { describe, SinkError } from '../errors.ts';
import { formatDuration } from '../options.ts';
import { isBroker, type SinkDefinition } from '../sink.ts';
import type { Context } from './context.ts';

/** Exit codes of sysexits.h: EX_UNAVAILABLE where nobody answers, EX_CONFIG where the answer is that the configuration is wrong. */
const [EXIT_UNAVAILABLE, EXIT_CONFIG] = [69, 78];
/** The most that one destination may take, whatever its own deadline is, in milliseconds. */
const CONNECT_MAX_MS = 30_000;
/** The most that letting go may take; nothing depends on it. */
const CLOSE_MS = 2000;

const REMEDIES = {
  misconfigured: 'change what it says: the service would keep the events and try again slowly',
  rejected: 'change what it says',
  blocked: 'the broker asks to wait; the service would, too',
  transient: 'is it running, and is the address right? The service would keep the events and try again',
} as const;
/** For a sink that writes by itself: nothing needs to run. */
const PLAIN_REMEDY = 'make it writable, or name another place; the service would keep the events in memory and try again';

interface Outcome {
  readonly sink: string;
  readonly ok: boolean;
  readonly text: string;
  readonly exitCode: number;
}

/** Tries all of them at once, prints what each says and sets the exit code. */
export async function connectSinks(config: Config, state: string, { out, paint }: Context): Promise<void> {
  const service = await findService(state).catch(() => undefined);
  const held = new Map(service?.status.sinks.map((sink) => [sink.name, sink.reason]));
  const outcomes = await Promise.all(
    config.sinks.map(async (entry) => {
      if (!isBroker(entry.definition) && held.has(entry.name)) return heldBy(entry, held.get(entry.name));
      return await tryOne(entry, config, state);
    }),
  );
  for (const { sink, ok, text } of outcomes) {
    const line = config.secrets.redact(`${sink}: ${text}`);
    out.write(`${ok ? paint.green('connected:') : paint.red('not connected:')} ${line}\n`);
  }
  const worst = Math.max(0, ...outcomes.map(({ exitCode }) => exitCode));
  if (worst > 0) process.exitCode = worst;
}

/** What the running service says of a sink that it has open. */
function heldBy({ name, ...entry }: SinkEntry, reason: string | undefined): Outcome {
  const where = destinationOf(entry) || entry.type;
  if (reason === undefined) return { sink: name, ok: true, text: `${where} (the running service writes to it)`, exitCode: 0 };
  return { sink: name, ok: false, text: `${where}: ${reason} (says the running service)`, exitCode: EXIT_UNAVAILABLE };
}

async function tryOne(entry: SinkEntry, config: Config, state: string): Promise<Outcome> {
  const { name, definition, common } = entry;
  const where = destinationOf(entry) || entry.type;
  const began = performance.now();
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const timeout = Math.min(common.timeout, CONNECT_MAX_MS);
  try {
    const connect = isBroker(definition)
      ? await brokerOf(definition, entry, config, warn)
      : plainOf(definition, entry, state, warn);
    try {
      await withDeadline(systemClock, timeout, 'connecting', connect.open);
    } finally {
      await Promise.race([connect.close(), delay(CLOSE_MS, undefined, { ref: false })]);
    }
    const took = `${Math.round(performance.now() - began)} ms`;
    return { sink: name, ok: true, text: [`${where} (${took})`, ...warnings].join('; '), exitCode: 0 };
  } catch (error) {
    const code = error instanceof SinkError ? error.code : 'transient';
    const said = [describe(error), ...warnings].join('; ');
    const late = code === 'transient' && performance.now() - began >= timeout ? ` within ${formatDuration(timeout)}` : '';
    const exitCode = code === 'misconfigured' || code === 'rejected' ? EXIT_CONFIG : EXIT_UNAVAILABLE;
    const remedy = code === 'transient' && !isBroker(definition) ? PLAIN_REMEDY : REMEDIES[code];
    return { sink: name, ok: false, text: `${where}: ${said}${late} (${remedy})`, exitCode };
  }
}

interface Attempt {
  open(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

async function brokerOf(
  definition: BrokerDefinition,
  { name, options }: SinkEntry,
  { agent }: Config,
  warn: (message: string) => void,
): Promise<Attempt> {
  const blocked = (reason: string | undefined): void => {
    if (reason !== undefined) warn(`it asks to wait: ${reason}`);
  };
  const broker = definition.openBroker({ name, agent, clock: systemClock, warn, blocked }, options);
  return {
    async open(signal) {
      await (await broker.connect(signal)).close();
    },
    close: async () => await broker.close().catch(() => {}),
  };
}

function plainOf(
  definition: SinkDefinition,
  { name, options }: SinkEntry,
  stateDir: string,
  warn: (message: string) => void,
): Attempt {
  const sink = definition.open({ name, stateDir, warn }, options);
  return {
    open: async (signal) => await sink.connect(signal),
    close: async () => await sink.close().catch(() => {}),
  };
}
