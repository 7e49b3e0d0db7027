/**
 * What a program needs that reads tidegate's events: messages back into typed events, repeats left out, gaps noticed. It imports no client
 * of any broker. See docs/consuming.md.
 */
export { DecodeError, decodeEvent, decodeJson, decodeMsgpack, MESSAGE_BYTES_MAX } from './codec/decode.ts';
export type { DecodedEvent, DecodedField } from './codec/format.ts';
export { type Arrival, type CheckerOptions, type Judgement, StreamChecker } from './consumer/checker.ts';
export { type AmqpMessage, fromAmqp, fromKafka, type KafkaPayload } from './consumer/clients.ts';
export { Deduplicator, type DeduplicatorOptions } from './consumer/deduplicator.ts';
export { type EventId, parseId, parseSequence, type Sequence } from './consumer/identity.ts';
export { type Loss, lossesOf } from './consumer/losses.ts';
export { arrivalOf, type Envelope, eventOf } from './consumer/message.ts';
export type { Range } from './consumer/ranges.ts';
export { type Gap, type ReceivedEvent, Receiver, type ReceiverOptions } from './consumer/receiver.ts';
export type { StreamReport } from './consumer/stream.ts';
export type { Cell, Kind, LabelMap } from './event.ts';
