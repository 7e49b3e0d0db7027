import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Malformed } from '../../src/errors.ts';
import { countUsers, findSessions } from '../../src/system/users.ts';
import { Text } from '../../src/text.ts';
import { hostOf, writeFiles } from '../support.ts';

/** A record of a utmp, with bytes in it that are no UTF-8. */
function record(type: number, user: string, bytes = 384, bigEndian = false): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bigEndian) buffer.writeInt16BE(type, 0);
  else buffer.writeInt16LE(type, 0);
  buffer.write('pts/0', 8);
  buffer.write(user, 44);
  buffer.fill(0xfe, 348, 352);
  return buffer;
}
const count = (...records: Buffer[]): number => {
  const buffer = Buffer.concat(records);
  return countUsers(new Text('utmp', buffer, buffer.length));
};
const sessionsOf = (files: Record<string, string>): number | undefined => {
  const { host } = hostOf({ 'proc/uptime': '1 1\n', ...files });
  return findSessions(host, host.reader())?.();
};

describe('utmp', () => {
  it.each([384, 400])('of %d bytes a record', (bytes) => {
    const records = [
      record(2, 'reboot', bytes),
      record(7, 'a', bytes),
      record(7, '', bytes),
      record(8, 'b', bytes),
      record(7, 'c', bytes),
    ];
    expect(count(...records)).toBe(2);
  });

  it('of a machine that writes the high byte first', () =>
    expect(count(record(7, 'a', 384, true), record(6, 'b', 384, true))).toBe(1));

  it('that is empty has nobody', () => expect(count()).toBe(0));

  it('is told apart by its types when both sizes divide it', () => {
    for (const bytes of [384, 400]) {
      const records = Array.from({ length: 9600 / bytes }, (_, index) => record(index % 2 ? 7 : 8, 'someone', bytes));
      expect(count(...records)).toBe(Math.floor(records.length / 2));
    }
  });

  it.each([Buffer.alloc(383), Buffer.alloc(384, 0x20), Buffer.from('not a utmp')])('that is none is malformed: %#', (bytes) => {
    expect(() => count(bytes)).toThrow(Malformed);
  });

  it('counts what is written, whatever the order', () => {
    const entry = fc.record({ type: fc.integer({ min: 0, max: 9 }), user: fc.constantFrom('', 'a', 'somebody') });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        const expected = entries.filter(({ type, user }) => type === 7 && user !== '').length;
        expect(count(...entries.map(({ type, user }) => record(type, user)))).toBe(expected);
      }),
    );
  });
});

describe('where sessions are', () => {
  it('is nowhere', () => expect(sessionsOf({})).toBeUndefined());

  it('is /var/run where that is a folder, not where it leads out of the host', () => {
    const { host, folder } = hostOf({ 'root/elsewhere/utmp': '', 'root/var/x': '' });
    writeFiles(folder, { 'root/var/run': `-> ${join(folder, 'root/elsewhere')}` });
    expect(findSessions(host, host.reader())).toBeUndefined();
    rmSync(join(folder, 'root/var/run'));
    writeFiles(folder, { 'root/var/run/utmp': record(7, 'a') });
    expect(findSessions(host, host.reader())?.()).toBe(1);
  });

  it('is systemd-logind where there is no utmp', () => {
    const files = {
      'root/run/systemd/sessions/1': 'UID=1000\nUSER=a\nCLASS=user\nSTATE=active\n',
      'root/run/systemd/sessions/2': 'CLASS=user\nSTATE=closing\n',
      'root/run/systemd/sessions/c1': 'CLASS=greeter\nSTATE=online\n',
      'root/run/systemd/sessions/4': 'CLASS=user\nSTATE=online\n',
      // logind keeps a pipe beside each; to open that would wait.
      'root/run/systemd/sessions/4.ref': '-> 4',
    };
    expect(sessionsOf(files)).toBe(2);
    expect(sessionsOf({ ...files, 'root/run/utmp': '' })).toBe(0);
  });

  it('is absent once the file is gone', () => {
    const { host, folder } = hostOf({ 'root/run/x': '' });
    writeFileSync(join(folder, 'root/run/utmp'), record(7, 'a'));
    const sessions = findSessions(host, host.reader());
    expect(sessions?.()).toBe(1);
    rmSync(join(folder, 'root/run/utmp'));
    expect(sessions?.()).toBeUndefined();
  });
});
