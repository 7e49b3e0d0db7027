/**
 * What leaves the service over OTLP, under whatever configuration is in force.
 *
 *   off ──configure──▶ sending ──configure──▶ sending elsewhere, or off ──stop──▶ off
 *
 * OpenTelemetry's SDK is loaded where something is to be sent, and nowhere else. At a reload the new begins before the old has sent its
 * last, which is not waited for; spans that are open then end where they began.
 */
import type { Config } from '../config/config.ts';
import type { AnyTable } from '../event.ts';
import type { Tracing } from '../tracing.ts';
import type { Otlp, OtlpParts } from './otlp/otlp.ts';

/** How long the last of one that ends may take to be sent, in milliseconds. */
const LAST_MS = 3000;

export type Told = Pick<Config, 'otlp' | 'agent' | 'host' | 'labels'>;

export class Telemetry {
  readonly #parts: Pick<OtlpParts, 'version' | 'clock' | 'log'>;
  readonly #self: () => readonly AnyTable[];
  #otlp: Otlp | undefined;
  #mark: string | undefined;
  /** Those that have not sent their last yet. */
  #ending: Promise<unknown> = Promise.resolve();
  /** Begins spans as it is configured now: none where nothing is traced. */
  readonly tracing: Tracing = {
    sample: (sensor) => this.#otlp?.tracing?.sample(sensor),
    write: (sink, traceparents, events) => this.#otlp?.tracing?.write(sink, traceparents, events),
  };

  /** `self` is what the service measures of itself. */
  constructor(parts: Pick<OtlpParts, 'version' | 'clock' | 'log'>, self: () => readonly AnyTable[]) {
    this.#parts = parts;
    this.#self = self;
  }

  /** Sends where the configuration says, and nowhere else. What it says of the same is left as it is. */
  async configure({ otlp, agent, host, labels }: Told): Promise<void> {
    const mark = otlp && JSON.stringify([otlp, agent, host, labels]);
    if (mark === this.#mark) return;
    const next = otlp && new (await import('./otlp/otlp.ts')).Otlp(otlp, { ...this.#parts, agent, host, labels });
    const old = this.#otlp;
    next?.observe(this.#self);
    this.#otlp = next;
    this.#mark = mark;
    this.#ending = Promise.all([this.#ending, old?.stop(LAST_MS)]);
  }

  /** Sends what there is, for a few seconds at most. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([this.#otlp?.stop(LAST_MS), this.#ending]);
  }
}
