/** The service under load, killed and started again, and judged by `tidegate verify` from the far end. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Ended, type Started, start, tidegate, until, workplace } from '../cli/process-support.ts';

/** Sensors that sample a small recorded machine ten times a second each. */
const SENSORS = 40;

/** What `tidegate verify --format json` says. */
export interface Verdict {
  readonly code: number | null;
  readonly report: {
    readonly streams: readonly Readonly<Record<string, unknown>>[];
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

/** A service that keeps its state over restarts. */
export class Service {
  readonly state: string;
  readonly #machine: string;
  readonly #file: string;
  #running: Started | undefined;

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
    await until(`said ${text}`, () => running.written.err.split(text).length > times, running);
  }

  async kill(): Promise<void> {
    const running = this.#running as Started;
    running.child.kill('SIGKILL');
    await running.ended;
  }

  reload(): void {
    this.#running?.child.kill('SIGHUP');
  }

  /** Stops it as an operator does. */
  async stop(): Promise<Ended> {
    const running = this.#running as Started;
    running.child.kill('SIGTERM');
    const ended = await running.ended;
    expect(ended).toMatchObject({ code: 0 });
    return ended;
  }
}

/** Reads a source to its end. */
export async function verify(source: string, ...more: readonly string[]): Promise<Verdict> {
  const { code, out, err } = await tidegate(['verify', source, '--format', 'json', ...more]);
  if (out === '') throw new Error(`verify said nothing but: ${err}`);
  return { code, report: JSON.parse(out) as Verdict['report'] };
}

export const sleep = async (ms: number): Promise<void> => await new Promise((resolve) => setTimeout(resolve, ms));
