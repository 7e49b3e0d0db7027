/** Messages as delivery hands them to a connection. */
import type { BrokerContext, Message } from '../../src/broker.ts';
import { systemClock } from '../../src/clock.ts';

const RUN = '01890a5d';
/** A moment of which every digit can be told from the next. */
export const TIME = 1_763_856_123_456;

/** The n-th message of a lane, with a body of so many bytes. */
export function message(n: number, changes: Partial<Message> = {}, bytes = 40): Message {
  const body = Buffer.from(`{"v":1,"n":${n},"pad":"`.padEnd(bytes - 2, 'x').concat('"}'));
  return {
    id: `edge-7/${RUN}/disk/${n}`,
    type: 'system.disk',
    time: TIME + n,
    agent: 'edge-7',
    host: 'edge-7.example',
    sensor: 'disk',
    contentType: 'application/json',
    body,
    lane: 0,
    seq: `${RUN}/0/${n}`,
    backfill: false,
    ...changes,
  };
}

export const messages = (count: number, changes: Partial<Message> = {}, bytes = 40): Message[] =>
  Array.from({ length: count }, (_, i) => message(i + 1, changes, bytes));

/** A context that keeps what is said. */
export function context(changes: Partial<BrokerContext> = {}): BrokerContext & { readonly warnings: string[] } {
  const warnings: string[] = [];
  return {
    name: 'broker',
    agent: 'edge-7',
    clock: systemClock,
    warn: (text) => warnings.push(text),
    blocked: () => {},
    warnings,
    ...changes,
  };
}
