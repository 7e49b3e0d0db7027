/** What went to the disk and came from it is collected in time, and not more often than it is worth. */
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/delivery/entry.ts';
import { Memory } from '../../src/delivery/memory.ts';
import { collectGarbage } from '../../src/v8-collect.ts';
import { FakeClock } from '../clock.ts';
import { entryOf } from './parts.ts';

const MIB = 2 ** 20;

const sized = (bytes: number): Entry => entryOf(1, { body: Buffer.alloc(bytes) });

describe('Memory', () => {
  it('is collected when enough was let go, and then anew', async () => {
    const clock = new FakeClock();
    let collections = 0;
    const memory = new Memory(clock, async () => void collections++);
    const seen: number[] = [];
    for (let i = 0; i < 8; i++) {
      memory.letGo([sized(MIB)]);
      seen.push(collections);
      await clock.advance(1000);
    }
    expect(seen).toEqual([0, 0, 0, 1, 1, 1, 1, 2]);
  });

  it('is collected no more often than every 400 ms, however much goes by', async () => {
    const clock = new FakeClock();
    let collections = 0;
    const memory = new Memory(clock, async () => void collections++);
    for (let i = 0; i < 100; i++) {
      memory.letGo([sized(5 * MIB)]);
      await clock.advance(100);
    }
    expect(collections).toBe(25);
  });
});

describe('a collection that takes long', () => {
  it('is not followed by another one for five times as long', async () => {
    const clock = new FakeClock();
    let collections = 0;
    const memory = new Memory(clock, async () => {
      collections++;
      await new Promise<void>((resolve) => clock.after(300, resolve));
    });
    for (let i = 0; i < 100; i++) {
      memory.letGo([sized(5 * MIB)]);
      await clock.advance(100);
    }
    // One every 1.5 seconds of ten.
    expect(collections).toBe(7);
  });

  it('or fails is followed by others', async () => {
    const clock = new FakeClock();
    let collections = 0;
    const memory = new Memory(clock, async () => {
      collections++;
      await Promise.reject(new Error('no'));
    });
    for (let i = 0; i < 10; i++) {
      memory.letGo([sized(5 * MIB)]);
      await clock.advance(500);
    }
    expect(collections).toBe(10);
  });
});

describe('collectGarbage', () => {
  it('gives back buffers that have grown old', async () => {
    const held = Array.from({ length: 16 }, () => Buffer.alloc(MIB, 1));
    await collectGarbage();
    await collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    held.length = 0;
    await collectGarbage();
    // They are freed beside the program, and counted when that is over.
    await expect.poll(() => before - process.memoryUsage().arrayBuffers).toBeGreaterThan(15 * MIB);
  });
});
