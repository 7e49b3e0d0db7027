/** What is done with a file that a crash left torn. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JsonEncoder } from '../../src/codec/json.ts';
import { MsgpackEncoder } from '../../src/codec/msgpack.ts';
import { defineSchema, gauge, TideEvent } from '../../src/event.ts';
import { type FileFormat, findTail, MARK } from '../../src/file/tail.ts';
import { decoded, diskEvent, diskEvents, oddEvent, patient, source } from '../sink-events.ts';
import { eventsIn, fileSinkOf } from './files.ts';
import { connected, faulty, freshPaths, refusalOf } from './support.ts';

const freshPath = freshPaths();

function encode(format: FileFormat, event: TideEvent): Buffer {
  return format === 'ndjson'
    ? Buffer.from(`${new JsonEncoder().encode(event)}\n`)
    : Buffer.from(new MsgpackEncoder().encode(event));
}

function fileOf(format: FileFormat, bytes: Uint8Array): string {
  const path = freshPath(`events.${format}`);
  mkdirSync(dirname(path));
  writeFileSync(path, bytes);
  return path;
}

/** Opens and closes; what the sink said. */
async function opened(path: string, format: FileFormat): Promise<string[]> {
  const warnings: string[] = [];
  const sink = fileSinkOf({ path, format, fsync: 'never' }, { warnings });
  await sink.connect(patient());
  await sink.close();
  return warnings;
}

/** Bytes that a number of an event may hold, and that look like the start of an event. */
const markNumber = new DataView(Uint8Array.of(...MARK, 0xd9).buffer).getFloat64(0);
const marked = defineSchema({ type: 't', doc: '', attributes: [], fields: { value: gauge('1', '') } });
const markedEvent = (n: number): TideEvent =>
  new TideEvent(source, n, markNumber, marked.table().add([], { value: markNumber }).seal());

describe.each(['ndjson', 'msgpack'] as const)('file: a torn %s file', (format) => {
  const events = [diskEvent(1), diskEvent(2, 0), oddEvent(3), markedEvent(4)];
  const parts = events.map((event) => encode(format, event));
  const whole = Buffer.concat(parts);
  const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part.length, 0));
  /** How many events the first bytes hold; a line needs no newline for that. */
  const held = (bytes: number): number => ends.filter((end) => bytes >= (format === 'ndjson' ? end - 1 : end)).length;

  it('holds what was written before the cut, wherever that is', async () => {
    for (let cut = 0; cut <= whole.length; cut++) {
      const bytes = whole.subarray(0, cut);
      const read = async (into: Buffer, at: number, length: number, from: number) => ({
        bytesRead: bytes.copy(into, at, from, from + length),
      });
      const end = ends[held(cut) - 1] ?? 0;
      const expected = end > cut ? { end: cut, unterminated: true } : { end, unterminated: false };
      expect(await findTail({ read }, 'events', cut, format), `cut at ${cut}`).toEqual(expected);
    }
  });

  it('keeps every whole event, and sets the rest aside', async () => {
    for (let cut = 0; cut <= whole.length; cut += 43) {
      const path = fileOf(format, whole.subarray(0, cut));
      const warnings = await opened(path, format);
      const count = held(cut);
      expect(eventsIn(path), `cut at ${cut}`).toEqual(decoded(events.slice(0, count)));
      const torn = whole.subarray(ends[count - 1] ?? 0, cut);
      expect(existsSync(`${path}.torn-1`)).toBe(torn.length > 0);
      expect(warnings).toHaveLength(torn.length > 0 ? 1 : 0);
      if (torn.length === 0) continue;
      expect(readFileSync(`${path}.torn-1`).equals(torn)).toBe(true);
      expect(warnings[0]).toBe(
        `${path} ended in the middle of an event: its last ${torn.length} bytes are in ${path}.torn-1 now`,
      );
    }
  });

  it.each([1, 4096, 200_000])('sets aside %d zero bytes that a power cut left, at its end and as its whole', async (zeros) => {
    const path = fileOf(format, Buffer.concat([whole, Buffer.alloc(zeros)]));
    await opened(path, format);
    expect(eventsIn(path)).toEqual(decoded(events));
    expect(readFileSync(`${path}.torn-1`).length).toBe(zeros);
    const empty = fileOf(format, Buffer.alloc(zeros));
    await opened(empty, format);
    expect(readFileSync(empty).length).toBe(0);
    expect(readFileSync(`${empty}.torn-1`).length).toBe(zeros);
  });

  it('finds the last whole event before a torn one of megabytes', async () => {
    const big = encode(format, diskEvent(9, 60_000));
    expect(big.length).toBeGreaterThan(2 ** 20);
    const path = fileOf(format, Buffer.concat([whole, big, big.subarray(0, -7)]));
    await opened(path, format);
    expect(eventsIn(path)).toEqual(decoded([...events, diskEvent(9, 60_000)]));
  });

  it('is written on behind what is whole', async () => {
    const path = fileOf(format, whole.subarray(0, (ends[1] as number) + 20));
    const sink = await connected({ path, format });
    await sink.write(diskEvents(2, 7), patient());
    expect(eventsIn(path)).toEqual(decoded([...events.slice(0, 2), ...diskEvents(2, 7)]));
  });

  it('keeps the last ten torn pieces, each in a file of its own', async () => {
    const path = fileOf(format, whole);
    for (let n = 1; n <= 12; n++) {
      appendFileSync(path, whole.subarray(0, n));
      await opened(path, format);
    }
    const names = readdirSync(dirname(path)).filter((name) => name.includes('.torn-'));
    expect(names.sort()).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((n) => `events.${format}.torn-${n}`).sort());
    expect(readFileSync(`${path}.torn-12`).equals(whole.subarray(0, 12))).toBe(true);
  });

  it('is left alone while there is no room to set aside what is torn', async () => {
    const torn = whole.subarray(0, -3);
    const path = fileOf(format, torn);
    const open = faulty({
      async write() {
        throw Object.assign(new Error('ENOSPC: simulated'), { code: 'ENOSPC' });
      },
    });
    const sink = fileSinkOf({ path, format }, { open });
    expect(await refusalOf(sink.connect(patient()))).toMatchObject({ code: 'transient' });
    expect(readFileSync(path).equals(torn)).toBe(true);
    await sink.close();
  });

  it('is not looked at but for its end', async () => {
    const path = fileOf(
      format,
      Buffer.concat([Buffer.concat(Array.from({ length: 10_000 }, () => whole)), whole.subarray(0, -2)]),
    );
    let bytes = 0;
    const open = faulty({
      async read(real, ...args) {
        const answer = await real.read(...args);
        bytes += answer.bytesRead;
        return answer;
      },
    });
    const sink = fileSinkOf({ path, format }, { open });
    await sink.connect(patient());
    await sink.close();
    expect(readFileSync(path).length).toBeGreaterThan(5e6);
    expect(bytes).toBeLessThan(70_000);
  });
});

describe('file: the end of a file', () => {
  it('is found by how every MessagePack event starts', () => {
    for (const event of [diskEvent(1), oddEvent(2 ** 40), markedEvent(3)]) {
      expect(encode('msgpack', event).subarray(0, MARK.length).equals(MARK)).toBe(true);
    }
    expect(encode('msgpack', markedEvent(1)).indexOf(MARK, 1)).toBeGreaterThan(0);
  });

  it('is not looked for in a file of the other format', async () => {
    for (const [is, as] of [
      ['ndjson', 'msgpack'],
      ['msgpack', 'ndjson'],
    ] as const) {
      const path = fileOf(is, encode(is, diskEvent(1)));
      const refusal = await refusalOf(fileSinkOf({ path, format: as }).connect(patient()));
      expect(refusal).toEqual({
        code: 'misconfigured',
        message: `${path} holds something else than ${as} events: move it away or choose another path`,
      });
    }
  });

  it.each([1, 4096, 200_000])('is before a line of which a power cut left %d bytes zero', async (zeros) => {
    const last = encode('ndjson', diskEvent(3, 4000));
    const holed = Buffer.concat([last.subarray(0, 100), Buffer.alloc(zeros), last.subarray(100)]);
    const path = fileOf('ndjson', Buffer.concat([encode('ndjson', diskEvent(1)), encode('ndjson', diskEvent(2)), holed, holed]));
    await opened(path, 'ndjson');
    expect(eventsIn(path)).toEqual(decoded(diskEvents(2)));
    expect(readFileSync(`${path}.torn-1`).length).toBe(2 * holed.length);
  });

  it('is given the newline that it lacks, and counted with it', async () => {
    const path = fileOf('ndjson', encode('ndjson', diskEvent(1)).subarray(0, -1));
    const warnings: string[] = [];
    const sink = await connected({ path }, { warnings });
    await sink.write(diskEvents(1, 2), patient());
    expect(eventsIn(path)).toEqual(decoded(diskEvents(2)));
    expect(warnings).toEqual([]);
  });

  it('is before an event of which zeros may have taken the place of numbers', async () => {
    // Its last number is a float of 8 bytes, of which the first is not zero; in the second event it is 0.
    for (const [event, missing] of [
      [diskEvent(1), 6],
      [diskEvent(0), 0],
    ] as const) {
      const torn = encode('msgpack', event).subarray(0, -missing || undefined);
      const path = fileOf('msgpack', Buffer.concat([encode('msgpack', diskEvent(7)), torn, Buffer.alloc(50)]));
      await opened(path, 'msgpack');
      expect(eventsIn(path)).toEqual(decoded([diskEvent(7)]));
      expect(readFileSync(`${path}.torn-1`).length).toBe(torn.length + 50);
    }
  });

  it.each(['ndjson', 'msgpack'] as const)('is not looked for without end in a file that is no %s', async (format) => {
    const empty = { read: async (buffer: Buffer) => (buffer.fill(0, 0, 1), { bytesRead: buffer.length === 1 ? 1 : 0 }) };
    await expect(findTail(empty, 'big', 2 ** 40, format)).rejects.toThrow('big holds no event in its last 268435456 bytes');
  });
});
