/**
 * What every sink must do, whatever it writes to. A sink's own test calls `sinkConformance` with a factory, and tests beside it only
 * what is its own.
 */
import { existsSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DecodedEvent } from '../src/codec/format.ts';
import { SinkError } from '../src/errors.ts';
import type { Sink } from '../src/sink.ts';
import { decoded, diskEvent, diskEvents, oddEvent, patient, poisonEvent } from './sink-events.ts';

/** A destination of its own, and sinks that lead to it. */
export interface Destination {
  /** A sink that is not connected. All sinks of one destination are the same sink, opened again. */
  open(): Sink;
  /** Everything that the destination has, in its order. */
  received(): Promise<DecodedEvent[]>;
  /** From now on the destination takes nothing and answers nothing. */
  stall(): Stall;
  /** Lets go of the destination itself. */
  dispose?(): Promise<void>;
}

export interface Stall {
  /** Resolves when something has been handed to the destination, which does not take it. */
  readonly reached: Promise<void>;
  /** The destination goes on with what it was handed, and takes everything again. */
  release(): void;
}

export interface SinkTraits {
  /** Whether what was aborted or failed leaves nothing behind, so that a retry repeats nothing. */
  readonly undoes: boolean;
  /** Rows of the big event: 50 bytes each, about. Below what the destination takes at most. */
  readonly bigRows?: number;
}

/** The first of each id, as a consumer keeps them. */
function withoutRepeats(events: readonly DecodedEvent[]): DecodedEvent[] {
  return [...new Map(events.toReversed().map((event) => [event.id, event])).values()].toReversed();
}

/** Open descriptors of this process; undefined where there is no /proc. */
const descriptors = (): number | undefined => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : undefined);

/** Declares the suite. `create` makes an empty destination for each test. */
export function sinkConformance(name: string, create: () => Promise<Destination> | Destination, traits: SinkTraits): void {
  describe(`${name}: what every sink does`, () => {
    let to: Destination;
    let sink: Sink;
    beforeEach(async () => {
      to = await create();
      sink = to.open();
    });
    afterEach(async () => {
      await sink.close();
      await to.dispose?.();
    });
    const context: Suite = { destination: () => to, sink: () => sink, traits };
    describe('its life', () => lifeCycle(context));
    describe('its batches', () => batches(context));
    describe('when it is told to give up', () => aborts(context));
  });
}

interface Suite {
  destination(): Destination;
  sink(): Sink;
  readonly traits: SinkTraits;
}

/** The promise's rejection, which must be a SinkError. */
async function refusal(promise: Promise<void>): Promise<SinkError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SinkError);
  expect((error as SinkError).message).not.toBe('');
  return error as SinkError;
}

function lifeCycle({ destination, sink }: Suite): void {
  it('connects and closes without writing anything', async () => {
    await sink().connect(patient());
    await sink().close();
    expect(await destination().received()).toEqual([]);
  });

  it('closes before it was ever connected', async () => {
    await sink().close();
    expect(await destination().received()).toEqual([]);
  });

  it('closes twice, also at once', async () => {
    await sink().connect(patient());
    await Promise.all([sink().close(), sink().close()]);
    await sink().close();
  });

  it('refuses a write before it is connected, as transient', async () => {
    expect((await refusal(sink().write(diskEvents(1), patient()))).code).toBe('transient');
    expect(await destination().received()).toEqual([]);
  });

  it('refuses a write after it is closed, as transient', async () => {
    await sink().connect(patient());
    await sink().close();
    expect((await refusal(sink().write(diskEvents(1), patient()))).code).toBe('transient');
    expect(await destination().received()).toEqual([]);
  });

  it('connects again after it was closed, and goes on behind what was written before', async () => {
    const events = diskEvents(6);
    for (const batch of [events.slice(0, 2), events.slice(2, 4), events.slice(4)]) {
      await sink().connect(patient());
      await sink().write(batch, patient());
      await sink().close();
    }
    expect(await destination().received()).toEqual(decoded(events));
  });

  it('opened anew, goes on where the sink before it ended', async () => {
    await sink().connect(patient());
    await sink().write(diskEvents(2), patient());
    await sink().close();
    const next = destination().open();
    await next.connect(patient());
    await next.write(diskEvents(2, 3), patient());
    await next.close();
    expect(await destination().received()).toEqual(decoded(diskEvents(4)));
  });

  it.skipIf(descriptors() === undefined)('leaves no descriptor open (needs /proc)', async () => {
    const round = async (n: number): Promise<void> => {
      await sink().connect(patient());
      await sink().write(diskEvents(2, n), patient());
      await sink().close();
    };
    await round(1);
    const before = descriptors() as number;
    for (let n = 0; n < 10; n++) await round(n);
    await vi.waitFor(() => expect(descriptors()).toBeLessThanOrEqual(before));
  });
}

function batches({ destination, sink, traits }: Suite): void {
  beforeEach(() => sink().connect(patient()));

  it('delivers a batch of one', async () => {
    await sink().write(diskEvents(1), patient());
    expect(await destination().received()).toEqual(decoded(diskEvents(1)));
  });

  it('delivers a batch of many, in order', async () => {
    await sink().write(diskEvents(500), patient());
    expect(await destination().received()).toEqual(decoded(diskEvents(500)));
  });

  it('delivers batch after batch, in order', async () => {
    const events = diskEvents(60);
    for (let at = 0, size = 1; at < events.length; at += size++) await sink().write(events.slice(at, at + size), patient());
    expect(await destination().received()).toEqual(decoded(events));
  });

  it('takes a batch of none', async () => {
    await sink().write([], patient());
    expect(await destination().received()).toEqual([]);
  });

  it('delivers an empty table', async () => {
    const events = [diskEvent(1, 0), diskEvent(2, 1), diskEvent(3, 0)];
    await sink().write(events, patient());
    expect(await destination().received()).toEqual(decoded(events));
  });

  it('delivers a big event whole', async () => {
    const events = [diskEvent(1), diskEvent(2, traits.bigRows ?? 40_000), diskEvent(3)];
    await sink().write(events, patient());
    expect(await destination().received()).toEqual(decoded(events));
  });

  it('delivers values and characters that are hard to carry', async () => {
    const events = [oddEvent(1), oddEvent(2)];
    await sink().write(events, patient());
    expect(await destination().received()).toEqual(decoded(events));
  });

  it('rejects a batch with an event that cannot be encoded, and takes the others alone', async () => {
    const [first, last] = [diskEvent(1), diskEvent(2)];
    expect((await refusal(sink().write([first, poisonEvent(), last], patient()))).code).toBe('rejected');
    expect(await destination().received()).toEqual([]);
    await sink().write([first], patient());
    await sink().write([last], patient());
    expect(await destination().received()).toEqual(decoded([first, last]));
  });
}

function aborts({ destination, sink, traits }: Suite): void {
  it('does not connect when the signal is aborted already', async () => {
    await refusal(sink().connect(AbortSignal.abort()));
    await sink().close();
    await sink().connect(patient());
    await sink().write(diskEvents(1), patient());
    expect(await destination().received()).toEqual(decoded(diskEvents(1)));
  });

  it('writes nothing when the signal is aborted already', async () => {
    await sink().connect(patient());
    await refusal(sink().write(diskEvents(1), AbortSignal.abort()));
    await sink().write(diskEvents(1, 2), patient());
    expect(await destination().received()).toEqual(decoded(diskEvents(1, 2)));
  });

  it.each(['at once', 'when the destination has it in hand'])(
    'gives a write up that is aborted %s, and delivers it later',
    async (when) => {
      await sink().connect(patient());
      await sink().write(diskEvents(2), patient());
      const { release, reached } = destination().stall();
      const controller = new AbortController();
      const writing = refusal(sink().write(diskEvents(3, 3), controller.signal));
      if (when !== 'at once') await reached;
      controller.abort(new Error('the deadline'));
      expect((await writing).code).toBe('transient');
      const closing = sink().close();
      release();
      await closing;
      await sink().connect(patient());
      await sink().write(diskEvents(3, 3), patient());
      await sink().write(diskEvents(1, 6), patient());
      const received = await destination().received();
      expect(traits.undoes ? received : withoutRepeats(received)).toEqual(decoded(diskEvents(6)));
    },
  );

  it('can be opened anew while its former self is still held up', async () => {
    await sink().connect(patient());
    const { release, reached } = destination().stall();
    const controller = new AbortController();
    const writing = refusal(sink().write(diskEvents(2), controller.signal));
    await reached;
    controller.abort();
    await writing;
    const closing = sink().close();
    const next = destination().open();
    const connecting = next.connect(patient());
    release();
    await Promise.all([closing, connecting]);
    await next.write(diskEvents(2), patient());
    await next.close();
    const received = await destination().received();
    expect(traits.undoes ? received : withoutRepeats(received)).toEqual(decoded(diskEvents(2)));
  });

  it('can be closed while a write is in progress, which then settles', async () => {
    await sink().connect(patient());
    const { release, reached } = destination().stall();
    const writing = sink()
      .write(diskEvents(2), patient())
      .then(
        () => 'delivered',
        () => 'failed',
      );
    await reached;
    const closing = sink().close();
    release();
    await closing;
    const received = withoutRepeats(await destination().received());
    if ((await writing) === 'delivered') expect(received).toEqual(decoded(diskEvents(2)));
    else if (traits.undoes) expect(received).toEqual([]);
    else expect(decoded(diskEvents(2)).slice(0, received.length)).toEqual(received);
  });
}
