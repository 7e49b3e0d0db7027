/** Events as they go by: what a reader gets, misses and is told of it, and what nobody reads costs nothing. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { JsonEncoder } from '../../src/codec/json.ts';
import { decodeJson } from '../../src/consumer.ts';
import { createSource, defineSchema, gauge, TideEvent } from '../../src/event.ts';
import { EventHub, type StreamOptions } from '../../src/http/events.ts';
import { FakeClock } from '../clock.ts';
import { serving } from './service.ts';

function eventOf(type: string, sensor: string, n: number, cell = 'x'): TideEvent {
  const schema = defineSchema({ type, doc: '', attributes: ['a'], fields: { value: gauge('1', '') } });
  const source = createSource({ agent: 'me', run: 'r', sensor, host: 'h', labels: {} });
  return new TideEvent(source, n, 1000, schema.table().add([cell], { value: n }).seal());
}

/** What a stream has said, as messages. */
async function messagesOf(response: Response): Promise<{ event: string; id?: string; data: string }[]> {
  return (await response.text()).split('\n\n').flatMap((block) => {
    const lines = Object.fromEntries(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
    );
    return lines['data'] === undefined ? [] : [{ event: 'message', ...lines, data: lines['data'] }];
  });
}

/** Publishes until the readers have what they asked for. */
async function publishing(
  agent: Awaited<ReturnType<typeof serving>>['agent'],
  make: (n: number) => readonly TideEvent[],
  done: Promise<unknown>,
): Promise<void> {
  let [n, over] = [0, false];
  void done.finally(() => (over = true));
  while (!over) {
    for (const event of make(++n)) agent.publish(event);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('GET /api/events', () => {
  it('has events of types by pattern and of sensors by name, with their ids, and ends at its limit', async () => {
    const { ask, agent } = await serving();
    const response = await ask('/api/events?match=system.*,!system.cpu&sensor=a&limit=3');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const read = messagesOf(response);
    await publishing(
      agent,
      (n) => [
        eventOf('system.load', 'a', n),
        eventOf('system.load', 'b', n),
        eventOf('system.cpu', 'a', n),
        eventOf('other', 'a', n),
      ],
      read,
    );
    const messages = await read;
    expect(messages).toHaveLength(3);
    for (const { id, data } of messages) {
      const event = decodeJson(data);
      expect([event.type, event.sensor, event.id]).toEqual(['system.load', 'a', id]);
    }
  });

  it('encodes and subscribes to nothing while nobody reads', async () => {
    const { ask, agent } = await serving();
    const encode = vi.spyOn(JsonEncoder.prototype, 'encodeBytes');
    onTestFinished(() => encode.mockRestore());
    expect(agent.publish(eventOf('t', 'a', 1))).toBe(0);
    const leave = new AbortController();
    await ask('/api/events?match=other', { signal: leave.signal });
    // What the reader does not want is not encoded, however long it takes until the server knows that it has gone.
    expect(agent.publish(eventOf('t', 'a', 1))).toBe(1);
    leave.abort();
    await vi.waitFor(() => expect(agent.publish(eventOf('t', 'a', 2))).toBe(0), 10_000);
    expect(agent.publish(eventOf('other', 'a', 3))).toBe(0);
    expect(encode).not.toHaveBeenCalled();
  });

  it('refuses what makes no sense', async () => {
    const { ask } = await serving();
    for (const query of ['limit=0', 'limit=x', 'rate=-1', 'limit=1.5'])
      expect((await ask(`/api/events?${query}`)).status, query).toBe(400);
  });

  it('refuses one reader too many, until another one goes', async () => {
    const { ask } = await serving();
    const leave = new AbortController();
    for (let i = 0; i < 16; i++) expect((await ask('/api/events', { signal: leave.signal })).status).toBe(200);
    expect((await ask('/api/events')).status).toBe(503);
    leave.abort();
    await vi.waitFor(async () => {
      const more = new AbortController();
      const { status } = await ask('/api/events', { signal: more.signal });
      more.abort();
      expect(status).toBe(200);
    }, 10_000);
  });
});

describe('a stream', () => {
  const opened = (options: Partial<StreamOptions> = {}, clock: FakeClock | typeof systemClock = systemClock) => {
    let take: (event: TideEvent) => void = () => {};
    const hub = new EventHub((taker) => {
      take = taker;
      return () => (take = () => {});
    }, clock);
    onTestFinished(() => hub.close());
    const reader = hub.open({ match: () => true, ...options })?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    const next = async (): Promise<string> => Buffer.from((await reader.read()).value ?? []).toString();
    return { hub, next, reader, publish: (event: TideEvent) => take(event) };
  };

  it('keeps a bounded amount for a slow reader, and tells how many it missed', async () => {
    const { next, publish } = opened();
    const big = 'x'.repeat(100_000);
    for (let n = 1; n <= 30; n++) publish(eventOf('t', 'a', n, big));
    const first = await next();
    const kept = [...first.matchAll(/^id: me\/r\/a\/(\d+)$/gm)].map(([, n]) => Number(n));
    expect(kept.length).toBeGreaterThan(5);
    expect(kept).toEqual(kept.map((_, i) => i + 1));
    expect(first.length).toBeLessThan(1.2 * 2 ** 20);
    publish(eventOf('t', 'a', 31));
    const second = await next();
    expect(second).toContain(`event: missed\ndata: {"events":${30 - kept.length}}\n\n`);
    const after = second.includes('/a/31') ? second : await next();
    expect(after).toContain('id: me/r/a/31\n');
  });

  it('is held to its rate', async () => {
    const clock = new FakeClock();
    const { next, publish } = opened({ rate: 2 }, clock);
    for (let n = 1; n <= 5; n++) publish(eventOf('t', 'a', n));
    expect([...(await next()).matchAll(/^id: /gm)]).toHaveLength(2);
    expect(await next()).toBe('event: missed\ndata: {"events":3}\n\n');
  });

  it('says that it is there when there is nothing to say', async () => {
    const clock = new FakeClock();
    const { next } = opened({}, clock);
    expect(await next()).toBe('retry: 3000\n\n');
    const comment = next();
    await clock.advance(15_000);
    expect(await comment).toBe(':\n\n');
  });

  it('ends with the hub', async () => {
    const { hub, reader, next } = opened();
    await next();
    const end = reader.read();
    hub.close();
    expect((await end).done).toBe(true);
  });
});
