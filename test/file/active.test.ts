/** What the file sink does when the disk fails it, and when it syncs. */
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../clock.ts';
import { decoded, diskEvents, patient } from '../sink-events.ts';
import { eventsIn } from './files.ts';
import { connected, type Faults, faulty, freshPaths, fullAfter, refusalOf, systemError } from './support.ts';

const freshPath = freshPaths();

describe('file: a disk that fails', () => {
  for (const at of [0, 1, 250, 2000]) {
    it(`keeps nothing of a batch after ENOSPC at byte ${at}, and all of it when there is room again`, async () => {
      const path = freshPath();
      const faults: Faults = {};
      const sink = await connected({ path }, { open: faulty(faults) });
      await sink.write(diskEvents(2), patient());
      const before = readFileSync(path);
      Object.assign(faults, fullAfter(at));
      expect(await refusalOf(sink.write(diskEvents(20, 3), patient()))).toEqual({
        code: 'transient',
        message: `cannot write ${path}: ENOSPC: simulated`,
      });
      expect(readFileSync(path).equals(before)).toBe(true);
      delete faults.write;
      await sink.write(diskEvents(20, 3), patient());
      expect(eventsIn(path)).toEqual(decoded(diskEvents(22)));
    });
  }

  it('continues a write that the kernel took in parts', async () => {
    const path = freshPath();
    const sink = await connected(
      { path },
      { open: faulty({ write: (real, bytes, at) => real.write(bytes, at, Math.min(97, bytes.length - at)) }) },
    );
    await sink.write(diskEvents(9), patient());
    expect(eventsIn(path)).toEqual(decoded(diskEvents(9)));
  });

  it('that takes no byte and gives no error is an error', async () => {
    const path = freshPath();
    const sink = await connected({ path }, { open: faulty({ write: async () => ({ bytesWritten: 0 }) }) });
    expect((await refusalOf(sink.write(diskEvents(1), patient()))).message).toContain('takes no more bytes');
  });

  it.each(['before the next write', 'when it is closed'])('cuts off %s what it could not cut off at once', async (when) => {
    const path = freshPath();
    const truncate = async (): Promise<void> => {
      throw systemError('EIO');
    };
    const faults: Faults = { truncate };
    const sink = await connected({ path }, { open: faulty(faults) });
    await sink.write(diskEvents(2), patient());
    Object.assign(faults, fullAfter(1500));
    await refusalOf(sink.write(diskEvents(9, 3), patient()));
    expect(statSync(path).size).toBeGreaterThan(1500);
    delete faults.write;
    expect((await refusalOf(sink.write(diskEvents(9, 3), patient()))).message).toContain('EIO');
    delete faults.truncate;
    if (when === 'when it is closed') {
      await sink.close();
      expect(eventsIn(path)).toEqual(decoded(diskEvents(2)));
      await sink.connect(patient());
    }
    await sink.write(diskEvents(9, 3), patient());
    expect(eventsIn(path)).toEqual(decoded(diskEvents(11)));
  });

  it('is left the free space that min_free asks for', async () => {
    const path = freshPath();
    const sink = await connected({ path, min_free: '1000TiB' });
    const refusal = await refusalOf(sink.write(diskEvents(1), patient()));
    expect(refusal.code).toBe('transient');
    expect(refusal.message).toContain('has less free space than');
    expect(statSync(path).size).toBe(0);
  });
});

describe('file: fsync', () => {
  const INTERVAL = 5000;

  /** A disk that counts its syncs, and fails them with `fail`. */
  function counted() {
    const seen = { syncs: 0, fail: false };
    const open = faulty({
      async datasync() {
        seen.syncs++;
        if (seen.fail) throw systemError('EIO');
      },
    });
    return { seen, open, clock: new FakeClock() };
  }

  it('never happens with never', async () => {
    const { seen, ...parts } = counted();
    const sink = await connected({ path: freshPath(), fsync: 'never' }, parts);
    await sink.write(diskEvents(1), patient());
    expect(parts.clock.timers).toBe(0);
    await sink.close();
    expect(seen.syncs).toBe(0);
  });

  it('happens before a batch counts with always; when it fails, nothing of the batch stays', async () => {
    const { seen, ...parts } = counted();
    const path = freshPath();
    const sink = await connected({ path, fsync: 'always' }, parts);
    await sink.write(diskEvents(1), patient());
    await sink.write(diskEvents(1, 2), patient());
    expect(seen.syncs).toBe(2);
    seen.fail = true;
    expect((await refusalOf(sink.write(diskEvents(1, 3), patient()))).code).toBe('transient');
    expect(eventsIn(path)).toEqual(decoded(diskEvents(2)));
  });

  it('happens once in an interval, however often is written, and at the end', async () => {
    const { seen, ...parts } = counted();
    const { clock } = parts;
    const sink = await connected({ path: freshPath() }, parts);
    for (let n = 1; n < 4; n++) await sink.write(diskEvents(1, n), patient());
    await clock.advance(INTERVAL - 1);
    expect(seen.syncs).toBe(0);
    await clock.advance(1);
    expect(seen.syncs).toBe(1);
    await clock.advance(10 * INTERVAL);
    expect(seen.syncs).toBe(1);
    await sink.write(diskEvents(1, 5), patient());
    await sink.close();
    expect([seen.syncs, clock.timers]).toEqual([2, 0]);
  });

  it('covers what is written while it happens with the next one', async () => {
    const clock = new FakeClock();
    const { promise, resolve } = Promise.withResolvers<void>();
    let syncs = 0;
    const datasync = async (): Promise<void> => {
      syncs++;
      if (syncs === 1) await promise;
    };
    const sink = await connected({ path: freshPath() }, { open: faulty({ datasync }), clock });
    await sink.write(diskEvents(1), patient());
    await clock.advance(INTERVAL);
    await sink.write(diskEvents(1, 2), patient());
    await clock.advance(10 * INTERVAL);
    expect(syncs).toBe(1);
    resolve();
    await clock.advance(INTERVAL);
    expect(syncs).toBe(2);
  });

  it('that fails in the background is said once, until it works again', async () => {
    const { seen, ...parts } = counted();
    const [path, warnings] = [freshPath(), [] as string[]];
    const sink = await connected({ path }, { ...parts, warnings });
    for (const fail of [true, true, false, true]) {
      seen.fail = fail;
      await sink.write(diskEvents(1), patient());
      await parts.clock.advance(INTERVAL);
    }
    const said = `${path}: the disk may not have what was written last: EIO: simulated`;
    expect(warnings).toEqual([said, said]);
  });
});
