import { describe, expect, it } from 'vitest';
import { Malformed } from '../../src/errors.ts';
import { Io } from '../../src/process/io.ts';
import { STAT, Stat } from '../../src/process/stat.ts';
import { statLine } from './proc-folder.ts';

const parse = (line: string | Buffer, stat = new Stat()): Stat => {
  // What was read before into the same buffer is still behind the end.
  const bytes = Buffer.from(line);
  stat.parse(Buffer.concat([bytes, Buffer.from(' 9) Z 99 99 99\n')]), bytes.length, 'stat');
  return stat;
};

describe('stat', () => {
  it.each([
    ['plain', 'plain'],
    ['', ''],
    ['two words', 'two words'],
    [') R 1 (', ') R 1 ('],
    ['a\nb) Z (c', 'a\nb) Z (c'],
    [Buffer.from([0x63, 0xff, 0x61]), 'c\ufffda'],
  ])('takes the name %j for what is between the first and the last bracket', (name, text) => {
    const line = statLine(7, { name: '@', state: 'D', parent: 3 });
    const [before, after] = line.split('@') as [string, string];
    const stat = parse(Buffer.concat([Buffer.from(before), Buffer.from(name), Buffer.from(after)]));
    expect([stat.name(), String.fromCharCode(stat.state), stat.field(STAT.parent)]).toEqual([text, 'D', 3]);
    expect(stat.isNamed(stat.nameBytes())).toBe(true);
    expect(stat.isNamed(Buffer.from('plaim'))).toBe(false);
  });

  it('takes each field from its place', () => {
    const numbers = Array.from({ length: 49 }, (_, i) => i + 4);
    const stat = parse(`1 (a) R ${numbers.join(' ')}`);
    for (const field of Object.values(STAT)) expect(stat.field(field)).toBe(field);
  });

  it.each([
    ['ends at the last field that is read, without a newline', statLine(1).replace(/ 0\n$/, '')],
    ['ends there with a newline', statLine(1).replace(/ 0\n$/, '\n')],
    ['is followed by another line', `${statLine(1)}#!/bin/cat /proc/self/stat\n`],
  ])('may be a line that %s', (_, line) => {
    expect(parse(line).field(STAT.start)).toBe(100);
  });

  it('holds what is above 2^53 as the nearest double, and what is negative', () => {
    const stat = parse(statLine(1, { childrenUser: -1 }).replace(' -1 0 20 ', ' -9223372036854775808 9223372036854775807 20 '));
    expect([stat.field(STAT.childrenUser), stat.field(STAT.childrenSystem)]).toEqual([-(2 ** 63), 2 ** 63]);
    expect(parse(statLine(1, { virtual: 9007199254740993 })).field(STAT.virtual)).toBe(9007199254740992);
    expect(parse('1 (a) R 1 1 1 1 -1 0 0 0 0 0 18014398509481985 0 0 0 20 0 1 0 5 6 7').field(STAT.user)).toBe(18014398509481984);
  });

  it('tells the threads of the kernel', () => {
    expect(parse(statLine(2, { flags: 2129984 })).kernelThread).toBe(true);
    expect(parse(statLine(2, { flags: 4194560 })).kernelThread).toBe(false);
    // The highest bit is set in a process that was frozen.
    expect(parse(statLine(2, { flags: 0x80200000 })).kernelThread).toBe(true);
  });

  it.each([
    ['', 'no name in brackets'],
    ['1 a R 1', 'no name in brackets'],
    ['1 )a( R 1', 'no name in brackets'],
    ['1 (a)', 'no state'],
    ['1 (a) R', 'no field 4'],
    ['1 (a) R 1 2 3', 'no field 7'],
    ['1 (a) R 1 2 3 four 5', 'field 7 is not a number'],
    ['1 (a) R 1 2 3  4', 'field 7 is not a number'],
    ['1 (a) R 1 2 3 - 5', 'field 7 is not a number'],
    ['1 (a) R 1 2 3 4.5 5', 'field 7 is not a number'],
  ])('is malformed as %j', (line, why) => {
    const failed = (): Stat => parse(line);
    expect(failed).toThrow(Malformed);
    expect(failed).toThrow(why);
  });
});

describe('io', () => {
  const parseIo = (text: string): Io => {
    const io = new Io();
    io.parse(Buffer.from(`${text}write_bytes: 999\n`), Buffer.byteLength(text), 'io');
    return io;
  };

  it('takes numbers by key, in any order', () => {
    const io = parseIo(
      'read_bytes: 1\nunknown: x\nwrite_bytes: 18014398509481985\nsyscw: 3\nrchar: 9\nsyscr: 4\ncancelled_write_bytes: -8',
    );
    expect(io).toMatchObject({ readBytes: 1, writtenBytes: 18014398509481984, writes: 3, reads: 4 });
  });

  it.each([
    '',
    'syscr: 1\nsyscw: 2\nread_bytes: 3\n',
    'syscr: 1\nsyscw: 2\nread_bytes: x\nwrite_bytes: 4\n',
    'syscr: 1\nsyscw: \nread_bytes: 3\nwrite_bytes: 4\n',
  ])('is malformed as %j', (text) => {
    expect(() => parseIo(text)).toThrow(Malformed);
  });
});
