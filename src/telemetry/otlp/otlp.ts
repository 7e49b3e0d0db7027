/**
 * Sends what the service measures of itself, and its traces, to an OTLP receiver over HTTP. Loaded only where a configuration has `otlp`:
 * OpenTelemetry's SDK costs tens of megabytes of disk and some of memory.
 *
 *   open ──observe──▶ sending ──stop──▶ stopped
 *
 * Limits: one request a signal at a time, each with its repetitions within `timeout`; metrics are read anew at each interval, so that
 * none wait; spans wait in a queue of SPANS_MAX, and those beyond it are dropped. A receiver that is away or slow is said when it begins and when it ends.
 */
import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { HrTime } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { type Clock } from '../../clock.ts';
import { withDeadline } from '../../deadline.ts';
import { describe } from '../../errors.ts';
import type { AnyTable, LabelMap } from '../../event.ts';
import { reveal, sourceOf } from '../../http-client/secret-file.ts';
import type { Log } from '../../log.ts';
import type { Tracing } from '../../tracing.ts';
import type { OtlpOptions } from '../options.ts';
import { histograms, observe } from './observe.ts';
import { tracingOf } from './tracer.ts';

const SPANS_MAX = 2048;
/** How long a span may wait for company, in milliseconds. */
const SPAN_DELAY_MS = 5000;
/** Rows of one instrument: more than a service has sinks or sensors. */
const ROWS_MAX = 20_000;

export interface OtlpParts {
  readonly agent: string;
  readonly host: string;
  readonly version: string;
  readonly labels: LabelMap;
  readonly clock: Clock;
  readonly log: Log;
}

export class Otlp {
  /** Undefined where nothing is traced. */
  readonly tracing: Tracing | undefined;
  readonly #options: OtlpOptions;
  readonly #parts: OtlpParts;
  readonly #resource: Resource;
  readonly #spans: TracerProvider | undefined;
  readonly #headers: () => Promise<Record<string, string>>;
  #meters: MeterProvider | undefined;
  /** Why credentials cannot be had, while they cannot. */
  #lacks: string | undefined;

  constructor(options: OtlpOptions, parts: OtlpParts) {
    this.#options = options;
    this.#parts = parts;
    this.#headers = this.#readHeaders();
    const { agent, host, version, labels } = parts;
    this.#resource = resourceFromAttributes({
      ...labels,
      'service.name': 'tidegate',
      'service.version': version,
      'service.instance.id': agent,
      'host.name': host,
    });
    if (options.traces.ratio === 0) return;
    const exporter = this.#watched('traces', new OTLPTraceExporter(this.#exporterOptions('traces')));
    this.#spans = new TracerProvider({
      resource: this.#resource,
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.traces.ratio) }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter,
          maxQueueSize: SPANS_MAX,
          scheduledDelayMillis: SPAN_DELAY_MS,
          exportTimeoutMillis: options.timeout,
        }),
      ],
    });
    this.tracing = tracingOf(this.#spans.getTracer('tidegate', version));
  }

  /** Sends what these tables say at every interval, from now on. */
  observe(self: () => readonly AnyTable[]): void {
    const { interval, timeout } = this.#options;
    const { version, clock } = this.#parts;
    const now = (): HrTime => [Math.floor(clock.wall() / 1000), Math.round((clock.wall() % 1000) * 1e6)];
    const reader = new PeriodicExportingMetricReader({
      exporter: this.#watched('metrics', new OTLPMetricExporter(this.#exporterOptions('metrics'))),
      exportIntervalMillis: interval,
      exportTimeoutMillis: Math.min(timeout, interval),
      metricProducers: [histograms(self, this.#resource, now(), now)],
      cardinalityLimits: { default: ROWS_MAX },
    });
    this.#meters = new MeterProvider({ resource: this.#resource, readers: [reader] });
    observe(this.#meters.getMeter('tidegate', version), self);
  }

  /** Sends what there is, for up to `ms`, and ends. Never rejects. */
  async stop(ms: number): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      await withDeadline(clock, ms, 'the last export', async () => {
        await Promise.all([this.#meters?.shutdown(), this.#spans?.shutdown()]);
      });
    } catch (error) {
      log.warn({ reason: describe(error) }, 'the last of telemetry was not sent');
    }
  }

  #exporterOptions(signal: 'metrics' | 'traces') {
    const { endpoint, timeout, tls } = this.#options;
    const { ca } = tls;
    return {
      headers: this.#headers,
      timeoutMillis: timeout,
      concurrencyLimit: 1,
      ...(endpoint !== undefined && { url: `${endpoint.replace(/\/+$/, '')}/v1/${signal}` }),
      ...(ca !== undefined && {
        httpAgentOptions: async (protocol: string) =>
          protocol === 'https:'
            ? new HttpsAgent({ keepAlive: true, ca: await readFile(ca) })
            : new HttpAgent({ keepAlive: true }),
      }),
    };
  }

  /** They are read before each request. A factory of headers must not throw: the request goes without and is refused, and why is told. */
  #readHeaders(): () => Promise<Record<string, string>> {
    const sources = Object.entries(this.#options.headers).map(([name, given]) => [name, sourceOf(given)] as const);
    return async () => {
      try {
        const texts = sources.map(async ([name, source]) => [name, await reveal(source, `the header ${name}`)] as const);
        const headers = Object.fromEntries(await Promise.all(texts));
        this.#lacks = undefined;
        return headers;
      } catch (error) {
        this.#lacks = describe(error);
        return {};
      }
    };
  }

  /** An exporter whose failures are said when they begin and when they end. */
  #watched<T, E extends Exporter<T>>(signal: string, exporter: E & Exporter<T>): E {
    const send = exporter.export.bind(exporter);
    let failing = false;
    exporter.export = (items, done) => {
      send(items, (result) => {
        const fails = result.code !== 0;
        const reason = this.#lacks ?? describe(result.error ?? 'it was refused');
        if (fails && !failing) this.#parts.log.warn({ signal, reason }, 'telemetry cannot be sent; nothing else is affected');
        if (!fails && failing) this.#parts.log.info({ signal }, 'telemetry is sent again');
        failing = fails;
        done(result);
      });
    };
    return exporter;
  }
}

interface ExportResult {
  /** 0 when it was sent. */
  readonly code: number;
  readonly error?: Error;
}

interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void;
}
