import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { options } from '../../src/file/options.ts';
import { allEvents, eventsIn, fileSinkOf } from '../file/files.ts';
import type { Faults } from '../file/support.ts';
import { connected, faulty, freshPaths, fullAfter, refusalOf, systemError } from '../file/support.ts';
import { sinkConformance } from '../sink-conformance.ts';
import { decoded, diskEvents, patient } from '../sink-events.ts';

const freshPath = freshPaths();

for (const format of ['ndjson', 'msgpack'] as const) {
  sinkConformance(
    `file, ${format}`,
    () => {
      const path = freshPath(`events.${format}`);
      const faults: Faults = {};
      return {
        open: () => fileSinkOf({ path, format }, { open: faulty(faults) }),
        received: async () => (existsSync(path) ? eventsIn(path) : []),
        stall() {
          const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
          faults.write = async (real, bytes, offset, length) => {
            const some = await real.write(bytes, offset, format === 'ndjson' ? length : length >> 1);
            reached.resolve();
            await released.promise;
            return some;
          };
          const release = (): void => {
            delete faults.write;
            released.resolve();
          };
          return { reached: reached.promise, release };
        },
      };
    },
    { undoes: true },
  );
}

describe('file: options', () => {
  it('are what an operator writes', () => {
    expect(options.parse({ path: 'x' })).toEqual({
      path: 'x',
      format: 'ndjson',
      rotate: { max_bytes: 64 * 2 ** 20, max_age: 0, keep: 10, keep_bytes: 2 ** 30 },
      compress: 'gzip',
      fsync: 'interval',
      fsync_interval: 5000,
      mode: '0640',
      min_free: 0,
    });
  });

  it.each([640, '0o640', '999', '1777'])('refuse the mode %s', (mode) => {
    expect(() => options.parse({ path: 'x', mode })).toThrow('must be quoted octal digits');
  });
});

describe('file: what it makes', () => {
  it('has the permissions asked for, whatever the umask, in folders that are made', async () => {
    const path = freshPath('a/b/events.ndjson');
    const umask = process.umask(0o077);
    onTestFinished(() => void process.umask(umask));
    await connected({ path, mode: '0664' });
    expect(statSync(path).mode & 0o777).toBe(0o664);
  });

  it('leaves the permissions of a file that is there already', async () => {
    const path = freshPath();
    mkdirSync(dirname(path));
    writeFileSync(path, '');
    chmodSync(path, 0o604);
    await connected({ path });
    expect(statSync(path).mode & 0o777).toBe(0o604);
  });

  it('is reached through a link, which stays a link when the file is rotated', async () => {
    const [link, target] = [freshPath(), freshPath('real.ndjson')];
    mkdirSync(dirname(link));
    symlinkSync(target, link);
    const sink = await connected({ path: link, rotate: { max_bytes: 1 }, compress: 'none' });
    await sink.write(diskEvents(1), patient());
    await sink.write(diskEvents(1, 2), patient());
    await sink.close();
    await sink.connect(patient());
    await sink.write(diskEvents(1, 3), patient());
    expect(eventsIn(link)).toEqual(decoded(diskEvents(1, 3)));
    expect(allEvents(target)).toEqual(decoded(diskEvents(3)));
    expect(readdirSync(dirname(link))).toEqual(['events.ndjson']);
  });
});

describe('file: a path that will not do', () => {
  const linux = process.platform === 'linux';
  it.each([
    ['a folder', (path: string) => mkdirSync(path), 'is a folder: name a file in it'],
    ['below a file', (path: string) => writeFileSync(dirname(path), ''), 'ENOTDIR'],
    ['a link to itself', (path: string) => symlinkSync(path, path), 'ELOOP'],
    ['a pipe', (path: string) => linux && execFileSync('mkfifo', [path]), 'is a device, a pipe or a socket'],
    [
      'a file of something else',
      (path: string) => writeFileSync(path, 'root:x:0:0\n'),
      'holds something else than ndjson events',
    ],
  ])('is said to be %s, as misconfigured', async (what, make, message) => {
    if (what === 'a pipe' && !linux) return;
    const path = freshPath();
    if (what !== 'below a file') mkdirSync(dirname(path));
    make(path);
    const sink = fileSinkOf({ path });
    const refusal = await refusalOf(sink.connect(patient()));
    expect(refusal.message).toContain(message);
    expect(refusal.message).toContain(path);
    expect(refusal.code).toBe('misconfigured');
    await sink.close();
  });

  it('leaves nothing open, however often it is tried', async () => {
    const path = freshPath();
    mkdirSync(dirname(path));
    writeFileSync(path, 'root:x:0:0');
    let open = 0;
    const counting = faulty({ close: (real) => (open--, real.close()) });
    const sink = fileSinkOf({ path }, { open: (...args) => (open++, counting(...args)) });
    for (let i = 0; i < 3; i++) await refusalOf(sink.connect(patient()));
    expect(open).toBe(0);
  });

  it('is free for another sink when it was refused', async () => {
    const path = freshPath();
    mkdirSync(dirname(path));
    writeFileSync(path, 'root:x:0:0');
    await refusalOf(fileSinkOf({ path }).connect(patient()));
    rmSync(path);
    await connected({ path }, { name: 'second' });
  });

  it('is waited for while the former self of the sink is held up', async () => {
    const path = freshPath();
    const { promise, resolve } = Promise.withResolvers<void>();
    const write: Faults['write'] = async (real, ...args) => {
      await promise;
      return await real.write(...args);
    };
    const former = await connected({ path }, { open: faulty({ write }) });
    const controller = new AbortController();
    const writing = refusalOf(former.write(diskEvents(1), controller.signal));
    controller.abort();
    await writing;
    let done = false;
    const connecting = connected({ path }).then((sink) => {
      done = true;
      return sink;
    });
    // Another sink goes through all of its life meanwhile.
    await (await connected({ path: freshPath() })).close();
    expect(done).toBe(false);
    const closing = former.close();
    resolve();
    await closing;
    await (await connecting).write(diskEvents(1), patient());
    expect(eventsIn(path)).toEqual(decoded(diskEvents(1)));
  });

  it('is forbidden: said with the path and the reason', async () => {
    const path = freshPath();
    const open = async () => {
      throw systemError('EACCES');
    };
    expect(await refusalOf(fileSinkOf({ path }, { open }).connect(patient()))).toEqual({
      code: 'misconfigured',
      message: `cannot write ${path}: EACCES: simulated`,
    });
  });

  it('is written by another sink already; free again when that lets go', async () => {
    const path = freshPath();
    const first = await connected({ path });
    const second = fileSinkOf({ path }, { name: 'second' });
    expect(await refusalOf(second.connect(patient()))).toEqual({
      code: 'misconfigured',
      message: `${path} is written by the sink archive already: give each a path of its own`,
    });
    await first.close();
    await second.connect(patient());
    await second.close();
  });
});

describe('file: what others do to it', () => {
  it('is noticed before the next write when it is moved or deleted', async () => {
    const path = freshPath();
    const warnings: string[] = [];
    const sink = await connected({ path }, { warnings });
    await sink.write(diskEvents(1), patient());
    renameSync(path, `${path}.1`);
    await sink.write(diskEvents(1, 2), patient());
    rmSync(path);
    await sink.write(diskEvents(1, 3), patient());
    rmSync(dirname(path), { recursive: true });
    await sink.write(diskEvents(1, 4), patient());
    expect(eventsIn(path)).toEqual(decoded(diskEvents(1, 4)));
    const said = `${path} was moved or deleted by another process: a new file is begun`;
    expect(warnings).toEqual([said, said, said]);
  });

  it('leaves all in the moved file that was written to it', async () => {
    const path = freshPath();
    const sink = await connected({ path });
    await sink.write(diskEvents(2), patient());
    renameSync(path, `${path}.1`);
    await sink.write(diskEvents(2, 3), patient());
    expect(eventsIn(`${path}.1`)).toEqual(decoded(diskEvents(2)));
    expect(eventsIn(path)).toEqual(decoded(diskEvents(2, 3)));
  });

  it('makes no hole when it is truncated, not even when the next write fails half way', async () => {
    const path = freshPath();
    const faults: Faults = {};
    const sink = await connected({ path }, { open: faulty(faults) });
    await sink.write(diskEvents(3), patient());
    truncateSync(path, 0);
    Object.assign(faults, fullAfter(100));
    await refusalOf(sink.write(diskEvents(3), patient()));
    delete faults.write;
    expect(readFileSync(path).length).toBe(0);
    await sink.write(diskEvents(3, 7), patient());
    expect(eventsIn(path)).toEqual(decoded(diskEvents(3, 7)));
  });

  it('is said once when another process writes it too, whose bytes are never cut', async () => {
    const path = freshPath();
    const warnings: string[] = [];
    const faults: Faults = {};
    const sink = await connected({ path }, { open: faulty(faults), warnings });
    faults.write = async (real, bytes, offset) => {
      if (offset > 0) throw systemError('EIO');
      const answer = await real.write(bytes, offset, 10);
      appendFileSync(path, 'theirs\n');
      return answer;
    };
    await refusalOf(sink.write(diskEvents(1), patient()));
    await refusalOf(sink.write(diskEvents(1), patient()));
    delete faults.write;
    expect(readFileSync(path, 'utf8')).toBe('{"v":1,"idtheirs\n{"v":1,"idtheirs\n');
    expect(warnings).toEqual([`${path} is written by another process too: give each a path of its own`]);
  });
});
