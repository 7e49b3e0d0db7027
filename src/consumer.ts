/** What a program needs that reads tidegate's events: messages back into typed events. */
export { DecodeError, decodeEvent, decodeJson, decodeMsgpack, MESSAGE_BYTES_MAX } from './codec/decode.ts';
export type { DecodedEvent, DecodedField } from './codec/format.ts';
export type { Cell, Kind, LabelMap } from './event.ts';
