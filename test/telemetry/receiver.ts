/** An OTLP receiver over HTTP: keeps what it was sent, as plain values. https://opentelemetry.io/docs/specs/otlp/ */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import protobuf from 'protobufjs';
import { httpServer, tlsServer } from '../http-client/servers.ts';

// Members of opentelemetry-proto 1.5 that tests look at.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string = 1; bool bool = 2; int64 int = 3; double double = 4; } }
  message Resource { repeated KeyValue attributes = 1; }
  message Metrics { repeated ResourceMetrics resources = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scopes = 2; }
  message ScopeMetrics { repeated Metric metrics = 2; }
  message Metric { string name = 1; string description = 2; string unit = 3; Points gauge = 5; Points sum = 7; Histogram histogram = 9; }
  message Points { repeated NumberPoint points = 1; int32 temporality = 2; bool monotonic = 3; }
  message Histogram { repeated HistogramPoint points = 1; int32 temporality = 2; }
  message NumberPoint { double double = 4; sfixed64 int = 6; repeated KeyValue attributes = 7; }
  message HistogramPoint { fixed64 count = 4; double sum = 5; repeated fixed64 counts = 6; repeated double bounds = 7; repeated KeyValue attributes = 9; }
  message Traces { repeated ResourceSpans resources = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scopes = 2; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span { bytes trace = 1; bytes id = 2; bytes parent = 4; string name = 5; int32 kind = 6; fixed64 start = 7; fixed64 end = 8; repeated KeyValue attributes = 9; repeated Link links = 13; Status status = 15; }
  message Link { bytes trace = 1; bytes id = 2; }
  message Status { string message = 2; int32 code = 3; }
`);

type Attributes = Record<string, string | number>;
interface KeyValue {
  readonly key: string;
  readonly value: Record<string, string | number>;
}
const attributesOf = (pairs: readonly KeyValue[] = []): Attributes =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0] as string | number]));

export interface Metric {
  readonly unit: string;
  /** `counter`, `updowncounter`, `gauge`, `histogram`. */
  readonly kind: string;
  readonly points: readonly { readonly attributes: Attributes; readonly value: unknown }[];
}

export interface ReceivedSpan {
  readonly trace: string;
  readonly id: string;
  readonly parent: string;
  readonly name: string;
  /** Unix time, in milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  readonly links: readonly { readonly trace: string; readonly id: string }[];
  readonly status: { readonly code: number; readonly message: string };
}

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class Receiver {
  readonly requests: ReceivedRequest[] = [];
  url = '';
  /** May be replaced at any time. */
  answer: (response: ServerResponse) => void = (response) => response.end();

  /** Listens; with `tls`, which are options of node's own, over https. */
  async open(tls?: object): Promise<this> {
    const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.requests.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) });
      this.answer(response);
    };
    this.url = await (tls ? tlsServer(take, tls) : httpServer(take));
    return this;
  }

  /** The last metrics that came, by name; and of what. */
  get metrics(): { readonly resource: Attributes; readonly byName: ReadonlyMap<string, Metric> } {
    const [last] = this.#decoded('/v1/metrics', 'Metrics').slice(-1);
    const [resource] = last?.resources ?? [];
    const byName = new Map<string, Metric>();
    for (const metric of resource?.scopes?.flatMap(({ metrics = [] }) => metrics) ?? [])
      byName.set(metric.name, metricOf(metric));
    return { resource: attributesOf(resource?.resource?.attributes), byName };
  }

  /** All spans that came. */
  get spans(): ReceivedSpan[] {
    const all = this.#decoded('/v1/traces', 'Traces').flatMap(({ resources = [] }) => resources);
    return all.flatMap(({ scopes = [] }) => scopes.flatMap(({ spans = [] }) => spans)).map(spanOf);
  }

  #decoded(path: string, type: string): Decoded[] {
    const codec = root.lookupType(type);
    const bodies = this.requests.filter((request) => request.path === path).map(({ body }) => body);
    return bodies.map((body) => codec.toObject(codec.decode(body), { longs: Number, bytes: Array }) as Decoded);
  }
}

interface Points {
  readonly points?: readonly Record<string, unknown>[];
  readonly monotonic?: boolean;
}
type RawMetric = { readonly name: string; readonly unit?: string } & Readonly<
  Partial<Record<'gauge' | 'sum' | 'histogram', Points>>
>;
interface RawSpan {
  readonly trace: number[];
  readonly id: number[];
  readonly parent?: number[];
  readonly name: string;
  /** Nanoseconds. */
  readonly start: number;
  readonly end: number;
  readonly attributes?: KeyValue[];
  readonly links?: { readonly trace: number[]; readonly id: number[] }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}
interface Decoded {
  readonly resources?: readonly {
    readonly resource?: { readonly attributes?: KeyValue[] };
    readonly scopes?: readonly { readonly metrics?: RawMetric[]; readonly spans?: RawSpan[] }[];
  }[];
}

function metricOf({ unit = '', gauge, sum, histogram }: RawMetric): Metric {
  const kind = gauge ? 'gauge' : histogram ? 'histogram' : sum?.monotonic ? 'counter' : 'updowncounter';
  const points = (gauge ?? sum ?? histogram)?.points ?? [];
  return {
    unit,
    kind,
    points: points.map(({ attributes, ...rest }) => ({
      attributes: attributesOf(attributes as KeyValue[] | undefined),
      // What is 0 is left out on the wire.
      value: histogram ? { sum: 0, ...rest } : (rest['double'] ?? rest['int'] ?? 0),
    })),
  };
}

const hex = (bytes: number[] = []): string => Buffer.from(bytes).toString('hex');

const spanOf = ({ trace, id, parent, name, start, end, attributes, links = [], status }: RawSpan): ReceivedSpan => ({
  trace: hex(trace),
  id: hex(id),
  parent: hex(parent),
  name,
  start: start / 1e6,
  end: end / 1e6,
  attributes: attributesOf(attributes),
  links: links.map((link) => ({ trace: hex(link.trace), id: hex(link.id) })),
  status: { code: status?.code ?? 0, message: status?.message ?? '' },
});
