/** The service under load, killed and started again, and judged by `tidegate verify` from the far end. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ControlClient } from '../../src/control/client.ts';
import type { StatusView } from '../../src/http/view.ts';
import { spoolFolder } from '../../src/spool/folders.ts';
import { openOffline } from '../../src/spool/offline.ts';
import { type Ended, type Started, start, tidegate, until, workplace } from '../cli/process-support.ts';

/** Sensors that sample a small recorded machine ten times a second each. */
const SENSORS = 40;
/** What a service has not done after this it never will, beside a broker and on a machine that has much to do, in milliseconds. */
const PATIENCE_MS = 90_000;
const POLL_MS = 20;
const RELOADED = 'the configuration is reloaded';

/** What `tidegate verify --format json` says. */
export interface Verdict {
  readonly code: number | null;
  readonly report: {
    readonly streams: readonly Readonly<Record<string, unknown>>[];
    readonly totals: { readonly arrived: number };
    readonly notices: number;
    readonly [member: string]: unknown;
  };
}

/** A configuration with some 400 events a second, and these lines below `sinks:`. */
export function configuration(sinks: readonly string[], sensors = SENSORS): string {
  const lines = Array.from({ length: sensors }, (_, i) => `  s${i}: { type: load }`);
  return [
    'interval: 100ms',
    'sensors:',
    ...lines,
    'http: { enabled: false }',
    'sinks:',
    ...sinks.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

/** The account of a sink at the end of a run. */
interface Account {
  readonly sink: string;
  readonly delivered: number;
  readonly spooled: number;
}

/** A service that keeps its state over restarts. */
export class Service {
  readonly state: string;
  readonly #machine: string;
  readonly #file: string;
  #running: Started | undefined;
  /** What its runs said of each sink when they were stopped. */
  readonly #ends: Account[] = [];

  /** `state` is the folder for its state, when it is not to be one of its own. */
  constructor(yaml: string, given?: string) {
    const { machine, work, state } = workplace();
    this.state = given ?? state;
    this.#machine = machine;
    this.#file = join(work, 'tidegate.yaml');
    this.configure(yaml);
  }

  configure(yaml: string): void {
    writeFileSync(this.#file, yaml);
  }

  get log(): string {
    return this.#running?.written.err ?? '';
  }

  get pid(): number {
    return this.#running?.child.pid as number;
  }

  async start(): Promise<void> {
    this.#running = start(['--state', this.state, 'run', '--host', this.#machine, '-c', this.#file]);
    await this.says('"msg":"runs"');
  }

  /** Waits until it logs this. */
  async says(text: string, times = 1): Promise<void> {
    const running = this.#running as Started;
    await until(`said ${text}`, () => running.written.err.split(text).length > times, running, PATIENCE_MS);
  }

  async kill(): Promise<void> {
    const running = this.#running as Started;
    running.child.kill('SIGKILL');
    await running.ended;
  }

  reload(): void {
    this.#running?.child.kill('SIGHUP');
  }

  /** Waits until nothing of a sink is on disk or on its way, with one sensor left: a machine with much to do may not keep up with all. */
  async drained(name: string): Promise<void> {
    const before = this.log.split(RELOADED).length - 1;
    this.configure(readFileSync(this.#file, 'utf8').replaceAll(/^ {2}s[1-9]\d*: .*\n/gm, ''));
    this.reload();
    await this.says(RELOADED, before + 1);
    await this.until(name, ({ ledger: { delivered, spooled, in_flight } }) => delivered > 0 && spooled + in_flight === 0);
  }

  /** What it says of a sink. */
  async sink(name: string): Promise<StatusView['sinks'][number]> {
    const { sinks } = await (await ControlClient.at(this.state)).status();
    return sinks.find((sink) => sink.name === name) as StatusView['sinks'][number];
  }

  /** Waits until this holds for what it says of a sink. */
  async until(name: string, holds: (sink: StatusView['sinks'][number]) => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (let sink = await this.sink(name); !holds(sink); sink = await this.sink(name)) {
      if (performance.now() > deadline) throw new Error(`too late: ${JSON.stringify(sink)}; it said:\n${this.log}`);
      await sleep(POLL_MS);
    }
  }

  /** Stops it as an operator does. */
  async stop(): Promise<Ended> {
    const running = this.#running as Started;
    running.child.kill('SIGTERM');
    const ended = await running.ended;
    expect(ended).toMatchObject({ code: 0 });
    const lines = ended.err.split('\n').filter((line) => line.includes('"msg":"stopped"'));
    this.#ends.push(...lines.map((line) => JSON.parse(line) as Account));
    return ended;
  }

  /** What its runs that were stopped have delivered to a sink, and what the last of them left on disk. */
  account(name: string): { delivered: number; left: number } {
    const ends = this.#ends.filter(({ sink }) => sink === name);
    return { delivered: ends.reduce((sum, { delivered }) => sum + delivered, 0), left: ends.at(-1)?.spooled ?? 0 };
  }
}

/** Sequences of what the spool of a sink holds while nobody runs. */
export async function onDisk({ state }: Service, sink: string): Promise<string[]> {
  const spool = await openOffline(spoolFolder(state, sink));
  const seqs: string[] = [];
  for await (const { seq } of spool.list({ shelf: 'spooled', events: false })) seqs.push(seq);
  await spool.close();
  return seqs;
}

/** Reads a source to its end. */
export async function verify(source: string, ...more: readonly string[]): Promise<Verdict> {
  const { code, out, err } = await tidegate(['verify', source, '--format', 'json', ...more]);
  if (out === '') throw new Error(`verify said nothing but: ${err}`);
  return { code, report: JSON.parse(out) as Verdict['report'] };
}

/**
 * Waits until nothing of a sink is on disk any more, stops the service, and checks that what it says to have delivered is there, in order:
 * `verify` alone does not see what is missing behind the last that arrived.
 */
export async function judge(running: Service, name: string, source: string, verdict = 'complete'): Promise<void> {
  await running.drained(name);
  await running.stop();
  const { code, report } = await verify(source, '--over');
  expect({ code, verdict: report['verdict'] }).toEqual({ code: 0, verdict });
  for (const stream of report.streams) expect(stream).toMatchObject({ outOfOrder: 0, unexplained: 0 });
  const { delivered, left } = running.account(name);
  const { arrived } = report.totals;
  expect(arrived, running.log).toBeGreaterThanOrEqual(delivered);
  // What came after that is on disk, if the broker did not confirm it in time; some of it may have arrived.
  expect(arrived, running.log).toBeLessThanOrEqual(delivered + left);
}

export const sleep = async (ms: number): Promise<void> => await new Promise((resolve) => setTimeout(resolve, ms));
