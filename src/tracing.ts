/**
 * Spans of what goes through the service, from a sample to the confirmation of its events, as whoever makes them shows it
 * (`src/telemetry/otlp/`). Nothing here knows of OpenTelemetry, so that a service that is not traced loads none of it.
 */

export interface Span {
  /** The span's W3C trace context. */
  readonly traceparent: string;
  /** It is over; with an error when it failed. */
  end(error?: unknown): void;
}

export interface Tracing {
  /** Begins the span of a sample; undefined when this one is not traced. */
  sample(sensor: string): Span | undefined;
  /** Begins the span of a batch's write to a broker. `traceparents` are those of its samples, each once, of which there is one at least. */
  write(sink: string, traceparents: ReadonlySet<string>, events: number): Span | undefined;
}

/** The trace of one job's samples, one after the other. */
export class SampleTrace {
  readonly #tracing: Tracing | undefined;
  readonly #sensor: string;
  #span: Span | undefined;

  constructor(tracing: Tracing | undefined, sensor: string) {
    this.#tracing = tracing;
    this.#sensor = sensor;
  }

  begin(): void {
    if (this.#tracing) this.#span = this.#tracing.sample(this.#sensor);
  }

  get traceparent(): string | undefined {
    return this.#span?.traceparent;
  }

  end(error?: unknown): void {
    this.#span?.end(error);
    this.#span = undefined;
  }
}
