/** A message as any client hands it over, and what of it counts: its headers, and of a loss its body. */

import { decodeEvent, decodeJson, decodeMsgpack } from '../codec/decode.ts';
import { type DecodedEvent } from '../codec/format.ts';
import { LOSS_TYPE } from '../delivery/loss.ts';
import type { Arrival } from './checker.ts';
import { parseId } from './identity.ts';
import { lossesOf } from './losses.ts';

/** A message without its client: what tidegate's headers say, and its body. */
export interface Envelope {
  /** `agent/run/sensor/n`: `ce_id`, messageId. */
  readonly id: string | undefined;
  /** `ce_type`. */
  readonly type: string | undefined;
  readonly contentType: string | undefined;
  readonly seq: string | undefined;
  readonly backfill: boolean;
  readonly body: Uint8Array;
  /** W3C trace context of the sample that the event is of, where that was traced. */
  readonly traceparent?: string | undefined;
  /** Topic and partition, queue: where order holds. */
  readonly place: string;
}

/** The event in a message, by its content type, or by its first byte when it has none that says so. Throws `DecodeError`. */
export function eventOf({ body, contentType }: Pick<Envelope, 'body' | 'contentType'>): DecodedEvent {
  if (contentType === 'application/json') return decodeJson(body);
  if (contentType === 'application/msgpack') return decodeMsgpack(body);
  return decodeEvent(body);
}

/**
 * What of a message a `StreamChecker` wants. Decodes no body but those of losses, and those of messages whose headers do not say their id.
 * Throws `DecodeError`.
 */
export function arrivalOf(message: Envelope, event?: DecodedEvent): Arrival {
  const needed = event ?? (message.id === undefined || message.type === LOSS_TYPE ? eventOf(message) : undefined);
  return {
    agent: parseId(message.id ?? (needed as DecodedEvent).id).agent,
    seq: message.seq,
    backfill: message.backfill,
    losses: needed && lossesOf(needed),
    place: message.place,
  };
}
