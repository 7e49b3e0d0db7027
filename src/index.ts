/** What the package offers to programs: the event model, the contracts of sensors and sinks, and the codecs. */
export {
  type Broker,
  type BrokerConnection,
  type BrokerContext,
  type BrokerDefinition,
  defineBroker,
  type Message,
} from './broker.ts';
export { DecodeError, decodeEvent, decodeJson, decodeMsgpack } from './codec/decode.ts';
export type { DecodedEvent, DecodedField } from './codec/format.ts';
export { JsonEncoder } from './codec/json.ts';
export { MsgpackEncoder } from './codec/msgpack.ts';
export { deliveryOptions } from './delivery/options.ts';
export { Malformed, SinkError, type SinkErrorCode, Unavailable } from './errors.ts';
export * from './event.ts';
export { Host, type HostOptions } from './host.ts';
export { defineSensor, type Preset, type Sampler, type Sensor, type SensorContext, type SensorState } from './sensor.ts';
export { defineSink, type Sink, type SinkContext, type SinkDefinition } from './sink.ts';
