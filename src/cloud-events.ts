/**
 * Attributes of CloudEvents as every broker sink writes them; what they are called on the wire is each protocol's own.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
import type { Message } from './broker.ts';

/** What RFC 3339 can write: the years 1 to 9999, in milliseconds. */
const TIME_MIN = -62_135_596_800_000;
export const TIME_MAX = 253_402_300_799_999;

/** RFC 3339. A time that it cannot write is left out rather than sent wrongly. */
export const timeOf = ({ time }: Message): string | undefined =>
  time >= TIME_MIN && time <= TIME_MAX ? new Date(time).toISOString() : undefined;

/** A URI reference: which agent, which of its sensors. With the id, it is the event's identity. */
export const sourceOf = ({ agent, sensor }: Message): string =>
  `/${encodeURIComponent(agent.toWellFormed())}/${encodeURIComponent(sensor.toWellFormed())}`;

/** The same for events whose attributes differ in id and time alone. */
export const kindOf = ({ type, agent, sensor, contentType }: Message): string => `${type}\0${sensor}\0${contentType}\0${agent}`;
