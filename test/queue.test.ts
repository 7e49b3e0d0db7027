/** The queue against a naive one, and each rule by example. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TideEvent } from '../src/event.ts';
import { Queue, type QueueOptions, type WhenFull } from '../src/queue.ts';
import { EVENT_BYTES_MIN, eventOf, SEED } from './events.ts';

const RULES: WhenFull[] = ['drop_oldest', 'drop_newest', 'block'];

const numbers = (events: readonly TideEvent[]): number[] => events.map(({ n }) => n);
const rest = (queue: Queue): number[] => numbers(queue.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY));

/** A queue of so many events at most, already holding 1 to `held`. */
function holding(held: number, when_full: WhenFull, max_events = 4): Queue {
  const queue = new Queue({ max_events, max_bytes: 1e6, when_full });
  for (let n = 1; n <= held; n++) expect(queue.push(eventOf(n))).toBe(0);
  return queue;
}

/** What the rules say, in the plainest way: no head, no running sum. */
class NaiveQueue {
  events: TideEvent[] = [];
  blocked = false;
  readonly options: QueueOptions;

  constructor(options: QueueOptions) {
    this.options = options;
  }

  get bytes(): number {
    return this.events.reduce((sum, event) => sum + event.bytes, 0);
  }

  get over(): boolean {
    return this.events.length > this.options.max_events || this.bytes > this.options.max_bytes;
  }

  push(event: TideEvent): number {
    const { when_full, max_events, max_bytes } = this.options;
    if (event.bytes > max_bytes) return 1;
    if (this.events.length <= max_events / 2 && this.bytes <= max_bytes / 2) this.blocked = false;
    if (this.blocked) return 1;
    this.events.push(event);
    if (!this.over || when_full === 'drop_oldest') return this.dropOldest();
    this.blocked = when_full === 'block';
    this.events.pop();
    return 1;
  }

  dropOldest(): number {
    const before = this.events.length;
    while (this.over) this.events.shift();
    return before - this.events.length;
  }

  putBack(events: readonly TideEvent[]): number {
    const fit = events.filter((event) => event.bytes <= this.options.max_bytes);
    this.events.unshift(...fit);
    if (this.options.when_full === 'drop_oldest') return events.length - fit.length + this.dropOldest();
    const before = this.events.length;
    while (this.over) this.events.pop();
    if (before > this.events.length) this.blocked = this.options.when_full === 'block';
    return events.length - fit.length + before - this.events.length;
  }

  take(maxEvents: number, maxBytes: number): TideEvent[] {
    const taken: TideEvent[] = [];
    let bytes = 0;
    while (this.events[0] && taken.length < maxEvents) {
      bytes += this.events[0].bytes;
      if (taken.length > 0 && bytes > maxBytes) break;
      taken.push(this.events.shift() as TideEvent);
    }
    return taken;
  }

  expire(time: number): number {
    let count = 0;
    for (; this.events[0] && this.events[0].time < time; count++) this.events.shift();
    return count;
  }
}

type Action =
  | { do: 'push'; bytes: number; age: number }
  | { do: 'take'; events: number; bytes: number }
  | { do: 'putBack' }
  | { do: 'expire' }
  | { do: 'clear' };

const size = fc.constantFrom(EVENT_BYTES_MIN, 300, 500, 1000, 2500);
const action = fc.oneof(
  { weight: 30, arbitrary: fc.record({ do: fc.constant('push' as const), bytes: size, age: fc.nat(20) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('take' as const), events: fc.nat(6), bytes: fc.nat(3000) }) },
  { weight: 10, arbitrary: fc.constant({ do: 'putBack' as const }) },
  { weight: 5, arbitrary: fc.constant({ do: 'expire' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
) as fc.Arbitrary<Action>;
const limits = fc.record({
  max_events: fc.integer({ min: 1, max: 12 }),
  max_bytes: fc.integer({ min: 600, max: 6000 }),
  when_full: fc.constantFrom(...RULES),
});

function play(options: QueueOptions, actions: readonly Action[]): void {
  const [queue, naive] = [new Queue(options), new NaiveQueue(options)];
  let taken: TideEvent[] = [];
  let n = 0;
  for (const step of actions) {
    if (step.do === 'push') {
      const event = eventOf(++n, { bytes: step.bytes, time: n - step.age });
      expect(queue.push(event)).toBe(naive.push(event));
    } else if (step.do === 'take') {
      taken = queue.take(step.events, step.bytes);
      expect(numbers(taken)).toEqual(numbers(naive.take(step.events, step.bytes)));
    } else if (step.do === 'putBack') {
      expect(queue.putBack(taken)).toBe(naive.putBack(taken));
      taken = [];
    } else if (step.do === 'expire') {
      expect(queue.expire(n - 10)).toBe(naive.expire(n - 10));
    } else {
      expect(queue.clear()).toBe(naive.events.length);
      naive.events = [];
    }
    expect([queue.length, queue.bytes, queue.oldest?.n]).toEqual([naive.events.length, naive.bytes, naive.events[0]?.n]);
    expect(queue.length).toBeLessThanOrEqual(options.max_events);
    expect(queue.bytes).toBeLessThanOrEqual(options.max_bytes);
  }
  expect(rest(queue)).toEqual(numbers(naive.events));
}

test(`random actions agree with a naive queue (seed ${SEED})`, () => {
  fc.assert(
    fc.property(limits, fc.array(action, { maxLength: 120, size: 'max' }), (options, actions) => play(options, actions)),
    { seed: SEED, numRuns: 1500 },
  );
});

test('thousands of events go through in order, past every cut of the array', () => {
  const queue = new Queue({ max_events: 5000, max_bytes: 1e9, when_full: 'drop_oldest' });
  const got: number[] = [];
  for (let n = 1; n <= 20_000; n++) {
    queue.push(eventOf(n));
    if (n % 3 === 0) got.push(...numbers(queue.take(2, 1e9)));
  }
  got.push(...rest(queue));
  expect(got).toEqual([...got].sort((a, b) => a - b));
  expect(new Set(got).size).toBe(got.length);
  expect(queue.bytes).toBe(0);
});

describe('full', () => {
  test('drop_oldest makes room at the front', () => {
    const queue = holding(4, 'drop_oldest');
    expect(queue.push(eventOf(5))).toBe(1);
    expect(rest(queue)).toEqual([2, 3, 4, 5]);
  });

  test('drop_oldest drops as many as a large event needs', () => {
    const queue = new Queue({ max_events: 10, max_bytes: 4 * 300, when_full: 'drop_oldest' });
    for (let n = 1; n <= 4; n++) queue.push(eventOf(n, { bytes: 300 }));
    expect(queue.push(eventOf(5, { bytes: 900 }))).toBe(3);
    expect(rest(queue)).toEqual([4, 5]);
  });

  test('drop_newest keeps what it has', () => {
    const queue = holding(4, 'drop_newest');
    expect(queue.push(eventOf(5))).toBe(1);
    expect(numbers(queue.take(1, 1e6))).toEqual([1]);
    expect(queue.push(eventOf(6))).toBe(0);
    expect(rest(queue)).toEqual([2, 3, 4, 6]);
  });

  test('block leaves one hole: it takes nothing until half of it is free', () => {
    const queue = holding(4, 'block');
    expect(queue.push(eventOf(5))).toBe(1);
    queue.take(1, 1e6);
    expect(queue.push(eventOf(6))).toBe(1);
    queue.take(1, 1e6);
    expect(queue.push(eventOf(7))).toBe(0);
    expect(rest(queue)).toEqual([3, 4, 7]);
  });

  test('block leaves one hole too when what is put back is too much', () => {
    const queue = new Queue({ max_events: 10, max_bytes: 4 * 300, when_full: 'block' });
    for (let n = 1; n <= 3; n++) queue.push(eventOf(n, { bytes: 300 }));
    const taken = queue.take(3, 1e6);
    for (let n = 4; n <= 5; n++) queue.push(eventOf(n, { bytes: 600 }));
    expect(queue.putBack(taken)).toBe(2);
    // There is room for this one, but the ones before it are gone.
    expect(queue.push(eventOf(6, { bytes: 300 }))).toBe(1);
    expect(rest(queue)).toEqual([1, 2, 3]);
  });
});

describe.each(RULES)('%s', (when_full) => {
  test('an event larger than the queue is dropped alone, and blocks nothing', () => {
    const queue = new Queue({ max_events: 10, max_bytes: 1000, when_full });
    for (let n = 1; n <= 2; n++) queue.push(eventOf(n, { bytes: 300 }));
    expect(queue.push(eventOf(3, { bytes: 1001 }))).toBe(1);
    expect(queue.push(eventOf(4, { bytes: 300 }))).toBe(0);
    expect(rest(queue)).toEqual([1, 2, 4]);
  });

  test('an event put back into a queue with a smaller limit takes no other with it', () => {
    const queue = new Queue({ max_events: 10, max_bytes: 1000, when_full });
    const events = [eventOf(1, { bytes: 300 }), eventOf(2, { bytes: 2000 }), eventOf(3, { bytes: 300 })];
    expect(queue.putBack(events)).toBe(1);
    expect(rest(queue)).toEqual([1, 3]);
  });

  test('what it gave away it does not keep in memory', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const queue = new Queue({ max_events: 10, max_bytes: 1e9, when_full });
    const push = (n: number): WeakRef<TideEvent> => {
      const event = eventOf(n);
      queue.push(event);
      return new WeakRef(event);
    };
    const gone = [push(1), push(2)];
    push(3);
    queue.take(2, 1e9);
    await new Promise((resolve) => setTimeout(resolve));
    collect();
    expect(gone.map((event) => event.deref())).toEqual([undefined, undefined]);
    expect(rest(queue)).toEqual([3]);
  });
});

test('a batch has at least one event, however large', () => {
  const queue = holding(0, 'drop_oldest');
  queue.push(eventOf(1, { bytes: 5000 }));
  queue.push(eventOf(2));
  expect(numbers(queue.take(10, 1000))).toEqual([1]);
  expect(numbers(queue.take(10, 1000))).toEqual([2]);
  expect(queue.take(10, 1000)).toEqual([]);
});
