/** The connections of a broker sink: one a lease, and none that failed is ever used again. */
import { expect, test } from 'vitest';
import type { Broker, BrokerConnection } from '../../src/broker.ts';
import { Pool } from '../../src/delivery/pool.ts';
import { FakeClock, settled } from '../clock.ts';

const signal = (): AbortSignal => new AbortController().signal;

/** A broker that opens numbered connections, the next when `go` is called if it is to wait. */
function brokerOf(waits = false) {
  const closed: string[] = [];
  const going: (() => void)[] = [];
  const made: BrokerConnection[] = [];
  const broker: Broker = {
    connect: async () => {
      if (waits) await new Promise<void>((resolve) => going.push(resolve));
      const name = String(made.length + 1);
      const connection: BrokerConnection = {
        write: async () => await Promise.resolve(),
        close: async () => {
          closed.push(name);
          await Promise.reject(new Error('it was gone already'));
        },
      };
      made.push(connection);
      return connection;
    },
    close: async () => {
      closed.push('broker');
      await Promise.resolve();
    },
  };
  return { broker, closed, made, go: () => going.shift()?.() };
}

test('leases side by side have a connection each, and one that is free is used again, the last one first', async () => {
  const { broker, made } = brokerOf();
  const pool = new Pool(broker);
  const [a, b] = [await pool.acquire(signal()), await pool.acquire(signal())];
  expect(a).not.toBe(b);
  pool.release(a);
  pool.release(b);
  expect(await pool.acquire(signal())).toBe(b);
  expect(await pool.acquire(signal())).toBe(a);
  expect(made).toHaveLength(2);
});

test('a connection that failed is closed and never used again, and the free ones with it', async () => {
  const { broker, closed, made } = brokerOf();
  const pool = new Pool(broker);
  const [a, b, c] = [await pool.acquire(signal()), await pool.acquire(signal()), await pool.acquire(signal())];
  pool.release(a);
  pool.discard(b);
  expect(closed.toSorted()).toEqual(['1', '2']);
  // Also not when the call that failed ends after all.
  pool.release(b);
  const next = await pool.acquire(signal());
  expect([a, b, c]).not.toContain(next);
  expect(made).toHaveLength(4);
  // What is leased elsewhere is another lane's matter.
  expect(closed).not.toContain('3');
});

test('a connection released twice is not lent twice', async () => {
  const pool = new Pool(brokerOf().broker);
  const a = await pool.acquire(signal());
  pool.release(a);
  pool.release(a);
  expect(await pool.acquire(signal())).toBe(a);
  expect(await pool.acquire(signal())).not.toBe(a);
});

test('a connection that is there only after the deadline is closed at once', async () => {
  const { broker, closed, go } = brokerOf(true);
  const pool = new Pool(broker);
  const late = new AbortController();
  const asked = pool.acquire(late.signal);
  late.abort(new Error('too late'));
  go();
  await expect(asked).rejects.toThrow('too late');
  expect(closed).toEqual(['1']);
});

test('a pool closed while it connects closes what comes of it', async () => {
  const { broker, closed, go } = brokerOf(true);
  const pool = new Pool(broker);
  const asked = pool.acquire(signal());
  await pool.close();
  go();
  await expect(asked).rejects.toThrow('closed');
  expect(closed).toEqual(['broker', '1']);
});

test('closing closes what is free, what is leased and the broker, even when each close fails', async () => {
  const { broker, closed } = brokerOf();
  const pool = new Pool(broker);
  const [a] = [await pool.acquire(signal()), await pool.acquire(signal())];
  pool.release(a);
  await pool.close();
  expect(closed).toEqual(['1', '2', 'broker']);
});

test('a pool that retires closes what is free now, what is leased when it is released, and lends nothing more', async () => {
  const [{ broker, closed }, clock] = [brokerOf(), new FakeClock()];
  const pool = new Pool(broker);
  const [a, b] = [await pool.acquire(signal()), await pool.acquire(signal())];
  pool.release(a);
  let retired = false;
  const retiring = pool.retire(10_000, clock).then(() => {
    retired = true;
  });
  await settled();
  expect([closed, retired]).toEqual([['1'], false]);
  pool.release(b);
  await retiring;
  expect(closed).toEqual(['1', '2', 'broker']);
  expect(clock.timers).toBe(0);
  await expect(pool.acquire(signal())).rejects.toThrow('closed');
});

test('a pool that retires waits for a discarded lease too, and for none longer than it is told', async () => {
  const [one, other, clock] = [brokerOf(), brokerOf(), new FakeClock()];
  const [first, second] = [new Pool(one.broker), new Pool(other.broker)];
  const lease = await first.acquire(signal());
  await second.acquire(signal());
  const [a, b] = [first.retire(10_000, clock), second.retire(10_000, clock)];
  first.discard(lease);
  await a;
  expect(one.closed).toEqual(['1', 'broker']);
  await clock.advance(9999);
  expect(other.closed).toEqual([]);
  await clock.until(b);
  expect(other.closed).toEqual(['1', 'broker']);
});
