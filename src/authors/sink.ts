/** `tidegate/sink`: what a sink of one's own is written with. See docs/plugins.md. */
export * as z from 'zod';
export {
  BACKFILL_HEADER,
  type Broker,
  type BrokerConnection,
  type BrokerContext,
  type BrokerDefinition,
  defineBroker,
  type Message,
  SEQ_HEADER,
  TRACE_HEADER,
} from '../broker.ts';
export { JsonEncoder } from '../codec/json.ts';
export { MsgpackEncoder } from '../codec/msgpack.ts';
export { SinkError, type SinkErrorCode } from '../errors.ts';
export type { Cell, LabelMap, Schema, Source, Table, TideEvent } from '../event.ts';
export { bytes, duration, globs, regex, secret } from '../options.ts';
export { defineSink, type Sink, type SinkContext, type SinkDefinition } from '../sink.ts';
