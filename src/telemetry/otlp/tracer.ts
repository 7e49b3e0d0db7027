/** Spans by OpenTelemetry's tracer: one for a sample, one for the write of a batch, with a link to each sample that it carries. */
import {
  type Span as ApiSpan,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { DeadlineExceeded } from '../../deadline.ts';
import { codeOf, describe } from '../../errors.ts';
import type { Span, Tracing } from '../../tracing.ts';

/** Links of one span at most; a batch of more samples has the first of them. */
const LINKS_MAX = 128;

/** Which samples are traced is the tracer's sampler's to say; a write is where its first sample is, and goes on in that one's trace. */
export const tracingOf = (tracer: Tracer): Tracing => ({
  sample(sensor) {
    const about = { kind: SpanKind.INTERNAL, attributes: { 'tidegate.sensor': sensor } };
    return spanOf(tracer.startSpan(`sample ${sensor}`, about, ROOT_CONTEXT), 'error');
  },
  write(sink, traceparents, events) {
    const contexts = [...traceparents].slice(0, LINKS_MAX).flatMap((text) => parseTraceparent(text) ?? []);
    const [first] = contexts;
    if (!first) return undefined;
    const links = contexts.map((context): Link => ({ context }));
    const attributes = { 'tidegate.sink': sink, 'messaging.operation.type': 'send', 'messaging.batch.message_count': events };
    const about = { kind: SpanKind.PRODUCER, attributes, links };
    return spanOf(tracer.startSpan(`send ${sink}`, about, trace.setSpanContext(ROOT_CONTEXT, first)), 'cause');
  },
});

function spanOf(span: ApiSpan, failure: 'cause' | 'error'): Span | undefined {
  if (!span.isRecording()) return undefined;
  const { traceId, spanId } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    end(error) {
      if (error !== undefined) {
        const timeout = error instanceof DeadlineExceeded;
        span.setAttribute('error.type', timeout ? 'timeout' : failure === 'cause' ? codeOf(error) : '_OTHER');
        span.setStatus({ code: SpanStatusCode.ERROR, message: describe(error) });
      }
      span.end();
    },
  };
}

/** What came from a disk may be anything. */
export function parseTraceparent(text: string): SpanContext | undefined {
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}
