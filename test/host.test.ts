/** Files of a machine that change, grow, vanish and come back. */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Unavailable } from '../src/errors.ts';
import { FileReader, type Given, Host, HotFile, type OnRead, requirePath } from '../src/host.ts';
import { hostOf, writeFiles } from './support.ts';
import { temporaryFolder } from './temporary.ts';

/** First size of a file's buffer, in bytes. */
const BUFFER = 4096;

function fileOf(content: string, given?: Given) {
  const folder = temporaryFolder();
  const path = join(folder, 'file');
  writeFileSync(path, content);
  const onRead = vi.fn<OnRead>();
  return { folder, path, onRead, file: new HotFile(path, onRead, given), write: (text: string) => writeFileSync(path, text) };
}

describe('a hot file', () => {
  test('is opened once and gives what the file holds now, longer or shorter', () => {
    const { file, write, onRead } = fileOf('first\n');
    expect(file.read().toString()).toBe('first\n');
    write('the second is longer\n');
    expect(file.read().toString()).toBe('the second is longer\n');
    write('3\n');
    expect(file.read().toString()).toBe('3\n');
    write('');
    expect(file.read().toString()).toBe('');
    expect(file.read().length).toBe(0);
    expect(onRead.mock.calls).toEqual([[file.path, 'file']]);
    file.close();
  });

  test.each(
    [BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER, 100_000].flatMap((length) => [
      [length, 'in pieces'] as const,
      [length, 'at once'] as const,
    ]),
  )('gives all of %i bytes %s, and less again later', (length, given) => {
    const { file, write } = fileOf('x'.repeat(length), given);
    expect(file.read().toString()).toBe('x'.repeat(length));
    write('y'.repeat(3 * length));
    expect(file.read().toString()).toBe('y'.repeat(3 * length));
    write('z');
    expect(file.read().toString()).toBe('z');
    file.close();
  });

  test('reuses its buffer', () => {
    const { file } = fileOf('same');
    const { buffer } = file.read();
    expect(file.read().buffer).toBe(buffer);
    file.close();
  });

  test('that was removed or replaced is read on through what is open, and anew after close', () => {
    const { file, path, folder } = fileOf('old');
    file.read();
    writeFileSync(join(folder, 'new'), 'new');
    renameSync(join(folder, 'new'), path);
    expect(file.read().toString()).toBe('old');
    file.close();
    expect(file.read().toString()).toBe('new');
    rmSync(path);
    expect(file.read().toString()).toBe('new');
    file.close();
    expect(() => file.read()).toThrow(/ENOENT/);
    expect(file.maybe()).toBeUndefined();
    writeFileSync(path, 'back');
    expect(file.maybe()?.toString()).toBe('back');
    file.close();
    file.close();
  });

  test('whose source goes away while it is open is opened anew by the next read', () => {
    const { file, path, onRead } = fileOf('');
    rmSync(path);
    // A folder can be opened and not read, as a device that is gone.
    mkdirSync(path);
    expect(() => file.read()).toThrow(/EISDIR/);
    expect(file.maybe()).toBeUndefined();
    rmSync(path, { recursive: true });
    writeFileSync(path, 'back');
    expect(file.read().toString()).toBe('back');
    expect(onRead).toHaveBeenCalledTimes(3);
    file.close();
  });

  test('that is endless is refused, and said so even by maybe', () => {
    const { file, path } = fileOf('');
    truncateSync(path, 64 * 2 ** 20 + 1);
    expect(() => file.read()).toThrow(`${path} is longer than 67108864 bytes`);
    expect(() => file.maybe()).toThrow('is longer than');
    truncateSync(path, 10);
    expect(file.read().length).toBe(10);
    file.close();
  });
});

// What the kernel gives in one piece is a claim about this kernel; a recorded machine has regular files, of which it is always true.
test.skipIf(!existsSync('/proc/self/stat'))(
  'files that are read at once are given at once by the kernel of this machine (skipped without /proc)',
  () => {
    const host = new Host();
    const paths = ['stat', 'meminfo', 'loadavg', 'uptime', 'sys/kernel/pid_max', 'sys/fs/file-nr', 'pressure/cpu', 'pressure/io'];
    for (const path of paths) {
      const [once, whole] = [host.proc(path, 'at once'), host.proc(path)];
      // The numbers move between two reads, the lines do not.
      const lines = (file: HotFile): number | undefined => file.maybe()?.toString().split('\n').length;
      expect([path, lines(once)]).toEqual([path, lines(whole)]);
      once.close();
      whole.close();
    }
  },
);

describe('a reader', () => {
  test('reads one file after the other into one buffer, which grows', () => {
    const folder = temporaryFolder();
    writeFiles(folder, { a: 'a'.repeat(10), b: 'b'.repeat(50_000), c: 'c' });
    const onRead = vi.fn<OnRead>();
    const reader = new FileReader(onRead);
    const read = (name: string): string | undefined => reader.maybe(join(folder, name))?.toString();
    expect(read('a')).toBe('a'.repeat(10));
    expect(read('b')).toBe('b'.repeat(50_000));
    expect(reader.maybe(join(folder, 'c'))?.buffer.length).toBeGreaterThan(50_000);
    expect(read('none')).toBeUndefined();
    expect(reader.maybe(folder), 'a folder is no file').toBeUndefined();
    expect(read('c')).toBe('c');
    expect(onRead).toHaveBeenCalledWith(join(folder, 'none'), 'file');
    expect(reader.maybe(join(folder, 'c'))?.file).toBe(join(folder, 'c'));
  });

  test('leaves no descriptor open', () => {
    const folder = temporaryFolder();
    writeFiles(folder, { a: 'a' });
    const reader = new FileReader();
    // The system gives the lowest number that is free.
    const lowestFree = (): number => {
      const fd = openSync(folder, 'r');
      closeSync(fd);
      return fd;
    };
    const before = lowestFree();
    expect(reader.maybe(join(folder, 'a'))?.toString()).toBe('a');
    for (const path of [join(folder, 'none'), folder]) expect(reader.maybe(path)).toBeUndefined();
    expect(lowestFree()).toBe(before);
  });
});

describe('a host', () => {
  test('answers what is asked of its paths, and undefined where the machine says no', () => {
    const { host, folder } = hostOf({
      'proc/1/stat': 'x \n',
      'sys/class/net/eth0': '-> ../../devices/eth0',
      'proc/text': ' a \n',
    });
    expect(host.procPath('1/stat')).toBe(join(folder, 'proc/1/stat'));
    expect(host.sysPath('a')).toBe(join(folder, 'sys/a'));
    expect(host.proc('1/stat').read().toString()).toBe('x \n');
    expect(host.list(host.procPath(''))).toEqual(expect.arrayContaining(['1', 'text']));
    expect(host.entries(host.sysPath('class/net'))?.map((entry) => [entry.name, entry.isSymbolicLink()])).toEqual([
      ['eth0', true],
    ]);
    expect(host.link(host.sysPath('class/net/eth0'))).toBe('../../devices/eth0');
    expect(host.read(host.procPath('text'))).toBe(' a');
    expect([host.exists(host.procPath('1')), host.exists(host.procPath('2'))]).toEqual([true, false]);
    for (const path of ['2', 'text/below', 'bad\0name'])
      for (const answer of [host.list(path), host.entries(path), host.link(path), host.read(path), host.reader().maybe(path)])
        expect(answer).toBeUndefined();
    expect(host.link(host.procPath('text')), 'no link').toBeUndefined();
    expect(host.list(host.procPath('text')), 'no folder').toBeUndefined();
  });

  test.skipIf(process.getuid?.() === 0)('answers undefined for what is not ours to read (root may read all)', () => {
    const { host } = hostOf({ 'proc/secret': 'x' });
    chmodSync(host.procPath('secret'), 0);
    expect(host.read(host.procPath('secret'))).toBeUndefined();
    expect(host.proc('secret').maybe()).toBeUndefined();
    expect(() => host.proc('secret').read()).toThrow(/EACCES/);
  });

  test('tells who records of every path, once where it is kept open', () => {
    const onRead = vi.fn<OnRead>();
    const { host } = hostOf({ 'proc/a': '1', 'proc/b': '-> a' }, { onRead });
    const hot = host.proc('a');
    hot.read();
    hot.read();
    host.list(host.procPath(''));
    host.link(host.procPath('b'));
    host.exists(host.procPath('none'));
    host.read(host.procPath('a'));
    expect(onRead.mock.calls.map(([path, kind]) => [path.split('/').at(-1), kind])).toEqual([
      ['a', 'file'],
      ['', 'folder'],
      ['b', 'link'],
      ['none', 'exists'],
      ['a', 'file'],
    ]);
    hot.close();
  });

  test('is where the environment says, or here', () => {
    const host = Host.fromEnvironment({ HOST_PROC: '/host/proc', HOST_SYS: '/host/sys', HOST_ROOT: '/host' });
    expect([host.procPath('stat'), host.sysPath('class')]).toEqual(['/host/proc/stat', '/host/sys/class']);
    expect([host.mountPath('/'), host.mountPath('/data')]).toEqual(['/host/', '/host/data']);
    expect(host.live).toBe(true);
    const here = Host.fromEnvironment({ HOST_PROC: '' });
    expect([here.procPath('stat'), here.mountPath('/data'), here.name, here.platform]).toEqual([
      '/proc/stat',
      '/data',
      os.hostname(),
      process.platform,
    ]);
    expect(Host.fromEnvironment({ HOST_PROC: '/host/proc' }, { proc: '/mine' }).procPath('a'), 'options win').toBe('/mine/a');
  });
});

describe('a recorded host', () => {
  test('is Linux, has its own name and answers, and is not live', () => {
    const folder = temporaryFolder();
    const statfs = { '/': { size: 10, free: 5, available: 4, inodes: 3, inodesFree: 2 } };
    writeFiles(folder, { 'host.json': JSON.stringify({ name: 'recorded', statfs }), 'proc/stat': 'cpu 1\n' });
    const host = Host.recorded(folder);
    expect(host).toMatchObject({ name: 'recorded', platform: 'linux', live: false, recording: { statfs } });
    expect(host.proc('stat').read().toString()).toBe('cpu 1\n');
    expect(host.mountPath('/data')).toBe(join(folder, 'root/data'));
    expect(Host.recorded(folder, { name: 'other' }).name).toBe('other');
  });

  test('without its host.json is none, and the message says how to make one', () => {
    const folder = temporaryFolder();
    expect(() => Host.recorded(folder)).toThrow(Unavailable);
    expect(() => Host.recorded(folder)).toThrow(/has no host\.json.*tidegate record/);
  });

  test('another platform is never live', () => {
    expect(new Host({ platform: process.platform === 'darwin' ? 'linux' : 'darwin' }).live).toBe(false);
  });
});

describe('what a sensor requires', () => {
  test('is there, or the sensor is unavailable for a reason an operator understands', () => {
    const { host } = hostOf({ 'proc/stat': '' });
    expect(() => requirePath(host, host.procPath('stat'), 'cpu time')).not.toThrow();
    expect(() => requirePath(host, host.procPath('pressure'), 'pressure')).toThrow(Unavailable);
    expect(() => requirePath(host, host.procPath('pressure'), 'pressure')).toThrow(/pressure is not there: pressure needs it$/);
    const mac = new Host({ platform: 'darwin' });
    expect(() => requirePath(mac, '/proc/stat', 'cpu time')).toThrow(
      "cpu time is read from Linux' /proc and /sys; this is darwin",
    );
  });
});

test('a link that leads nowhere does not exist', () => {
  const folder = temporaryFolder();
  symlinkSync('nowhere', join(folder, 'link'));
  const host = new Host();
  expect(host.exists(join(folder, 'link'))).toBe(false);
  expect(host.link(join(folder, 'link'))).toBe('nowhere');
});

describe('the name of a machine that is seen below a root of its own', () => {
  const named = (hostname?: string): string => {
    const folder = temporaryFolder();
    if (hostname !== undefined) writeFiles(folder, { 'etc/hostname': hostname });
    return Host.fromEnvironment({ HOST_ROOT: folder }).name;
  };

  test('is the one in its /etc/hostname, without comments', () => {
    expect(named('# made by hand\n\n edge-7 \n')).toBe('edge-7');
  });

  test('is the one that the kernel gives where that says none, or where the root is our own', () => {
    expect(named()).toBe(os.hostname());
    expect(named('#\n')).toBe(os.hostname());
    expect(Host.fromEnvironment({ HOST_ROOT: '/' }).name).toBe(os.hostname());
  });
});
