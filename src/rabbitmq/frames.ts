/**
 * Messages as frames of `basic.publish`: method, content header, body. Many of them go to the connection as one chunk. amqplib encodes each
 * by itself, its headers from an object and through a scratch buffer, and passes each through two streams, which is half of the CPU of an
 * event (bench/RESULTS.md); what events of one kind share is encoded once here.
 *
 * Properties and headers are CloudEvents in binary mode, as the AMQP binding names them (`cloudEvents_id`), which RabbitMQ hands on to AMQP
 * 1.0 consumers as application properties. Messages are persistent, and mandatory so that the broker says when no queue takes them.
 *
 * AMQP 0-9-1, sections 2.3.5 and 4.2: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
 */
import { BACKFILL_HEADER, type Message, SEQ_HEADER, TRACE_HEADER } from '../broker.ts';
import { kindOf, sourceOf, TIME_MAX, timeOf } from '../cloud-events.ts';
import { isShort } from './template.ts';

/** By this header a returned message is known again: `messageId` is absent when the id is too long for it. */
export const ID_HEADER = 'cloudEvents_id';

/** Of a frame: type, channel and size before its payload, a byte after it. */
const FRAME_HEAD_BYTES = 7;
const FRAME_END_BYTES = 1;
export const FRAME_OVERHEAD = FRAME_HEAD_BYTES + FRAME_END_BYTES;
const METHOD = 1;
const HEADER = 2;
const BODY = 3;
const END = 0xce;

const BASIC = 60;
const BASIC_PUBLISH = (BASIC << 16) | 40;
const MANDATORY = 1;
const PERSISTENT = 2;

/** Which properties a content header has; they follow in this order. */
const CONTENT_TYPE = 1 << 15;
const HEADERS = 1 << 13;
const DELIVERY_MODE = 1 << 12;
const MESSAGE_ID = 1 << 7;
const TIMESTAMP = 1 << 6;
const TYPE = 1 << 5;
const APP_ID = 1 << 3;

/** More than all that has the same length in each message, with a time and both short strings' length bytes. */
const FIXED_BYTES_MAX = 256;
/** Kinds of events whose constants are kept; a sensor has one or two. */
const KINDS_MAX = 1000;

/** A text with its length in a byte. */
function short(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** The name of a header and the type of its value, a long string. */
const nameOf = (name: string): Buffer => Buffer.concat([short(name), Buffer.from('S')]);

/** A header as a whole. */
function header(name: string, value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([nameOf(name), length, bytes]);
}

const ID = nameOf(ID_HEADER);
const TIME = nameOf('cloudEvents_time');
const SEQ = nameOf(SEQ_HEADER);
const TRACE = nameOf(TRACE_HEADER);
const BACKFILL = header(BACKFILL_HEADER, 'true');
const APP = short('tidegate');

/** What events of one type, sensor and agent share. */
interface Kind {
  readonly contentType: Buffer;
  readonly headers: Buffer;
  /** Property `type` and `appId`. */
  readonly tail: Buffer;
  readonly flags: number;
}

function makeKind(message: Message): Kind {
  const { type, contentType } = message;
  const fits = isShort(type);
  return {
    contentType: short(contentType),
    headers: Buffer.concat([
      header('cloudEvents_specversion', '1.0'),
      header('cloudEvents_type', type),
      header('cloudEvents_source', sourceOf(message)),
    ]),
    tail: fits ? Buffer.concat([short(type), APP]) : APP,
    flags: CONTENT_TYPE | HEADERS | DELIVERY_MODE | APP_ID | (fits ? TYPE : 0),
  };
}

export class FrameEncoder {
  readonly #channel: number;
  /** The method up to the routing key. */
  readonly #method: Buffer;
  readonly #kinds = new Map<string, Kind>();

  /** `channel` is its number in the connection; `exchange` is a short string. */
  constructor(channel: number, exchange: string) {
    this.#channel = channel;
    const name = short(exchange);
    this.#method = Buffer.alloc(FRAME_HEAD_BYTES + 6 + name.length);
    this.#method.writeUInt32BE(BASIC_PUBLISH, FRAME_HEAD_BYTES);
    name.copy(this.#method, FRAME_HEAD_BYTES + 6);
  }

  /** No fewer bytes than `write` needs, where frames have at most `frameBytes`. */
  sizeOf(message: Message, key: string, frameBytes: number): number {
    const { id, seq, traceparent, body } = message;
    const kind = this.#kind(message);
    const texts = 3 * (key.length + 2 * id.length + (seq?.length ?? 0) + (traceparent?.length ?? 0));
    const frames = Math.ceil(body.length / (frameBytes - FRAME_OVERHEAD));
    const constants = this.#method.length + kind.headers.length + kind.tail.length;
    return FIXED_BYTES_MAX + constants + texts + body.length + frames * FRAME_OVERHEAD;
  }

  /** Writes the frames of a message at `start`, with a short string as `key`. Returns where they end, or -1 when the headers do not fit in a frame. */
  write(to: Buffer, start: number, message: Message, key: string, frameBytes: number): number {
    const headerAt = this.#writeMethod(to, start, key);
    const at = this.#writeHeader(to, headerAt, message);
    return at - headerAt > frameBytes ? -1 : this.#writeBody(to, at, message.body, frameBytes);
  }

  #kind(message: Message): Kind {
    const name = kindOf(message);
    let kind = this.#kinds.get(name);
    if (!kind) {
      if (this.#kinds.size >= KINDS_MAX) this.#kinds.clear();
      kind = makeKind(message);
      this.#kinds.set(name, kind);
    }
    return kind;
  }

  #writeMethod(to: Buffer, start: number, key: string): number {
    let at = start + this.#method.copy(to, start);
    at = writeShort(to, at, key);
    to[at++] = MANDATORY;
    return this.#frame(to, METHOD, start, at);
  }

  #writeHeader(to: Buffer, start: number, message: Message): number {
    const { id, time, body } = message;
    const kind = this.#kind(message);
    let flags = kind.flags;
    let at = start + FRAME_HEAD_BYTES;
    // Class, and a weight of 0.
    to.writeUInt32BE(BASIC << 16, at);
    to.writeUInt32BE(0, at + 4);
    to.writeUInt32BE(body.length, at + 8);
    const flagsAt = at + 12;
    at = copy(to, flagsAt + 2, kind.contentType);
    at = writeHeaders(to, at, message, kind.headers);
    to[at++] = PERSISTENT;
    if (isShort(id)) {
      flags |= MESSAGE_ID;
      at = writeShort(to, at, id);
    }
    // Seconds, and unsigned on the wire.
    if (time >= 0 && time <= TIME_MAX) {
      flags |= TIMESTAMP;
      const seconds = Math.floor(time / 1000);
      to.writeUInt32BE(Math.floor(seconds / 2 ** 32), at);
      to.writeUInt32BE(seconds % 2 ** 32, at + 4);
      at += 8;
    }
    at = copy(to, at, kind.tail);
    to.writeUInt16BE(flags, flagsAt);
    return this.#frame(to, HEADER, start, at);
  }

  #writeBody(to: Buffer, start: number, body: Buffer, frameBytes: number): number {
    const most = frameBytes - FRAME_OVERHEAD;
    let at = start;
    for (let from = 0; from < body.length; from += most) {
      const end = at + FRAME_HEAD_BYTES + body.copy(to, at + FRAME_HEAD_BYTES, from, Math.min(from + most, body.length));
      at = this.#frame(to, BODY, at, end);
    }
    return at;
  }

  /** Closes a frame whose payload ends there. Returns where it ends itself. */
  #frame(to: Buffer, type: number, start: number, end: number): number {
    to[start] = type;
    to.writeUInt16BE(this.#channel, start + 1);
    to.writeUInt32BE(end - start - FRAME_HEAD_BYTES, start + 3);
    to[end] = END;
    return end + FRAME_END_BYTES;
  }
}

function writeHeaders(to: Buffer, start: number, message: Message, constants: Buffer): number {
  const { id, seq, backfill, traceparent } = message;
  const time = timeOf(message);
  let at = copy(to, start + 4, constants);
  at = writeLong(to, copy(to, at, ID), id);
  if (time !== undefined) at = writeLong(to, copy(to, at, TIME), time);
  if (seq !== undefined) at = writeLong(to, copy(to, at, SEQ), seq);
  if (backfill) at = copy(to, at, BACKFILL);
  if (traceparent !== undefined) at = writeLong(to, copy(to, at, TRACE), traceparent);
  to.writeUInt32BE(at - start - 4, start);
  return at;
}

const copy = (to: Buffer, at: number, bytes: Buffer): number => at + bytes.copy(to, at);

function writeShort(to: Buffer, at: number, text: string): number {
  const bytes = to.write(text, at + 1);
  to[at] = bytes;
  return at + 1 + bytes;
}

function writeLong(to: Buffer, at: number, text: string): number {
  const bytes = to.write(text, at + 4);
  to.writeUInt32BE(bytes, at);
  return at + 4 + bytes;
}
