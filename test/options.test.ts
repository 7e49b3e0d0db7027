import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import {
  BYTES_PATTERN,
  bytes,
  DURATION_PATTERN,
  duration,
  formatBytes,
  formatDuration,
  globs,
  matcher,
  parseBytes,
  parseDuration,
  regex,
  secret,
} from '../src/options.ts';

/** What a schema says against a value. */
const refusal = (schema: z.ZodType, value: unknown): string | undefined => schema.safeParse(value).error?.issues[0]?.message;

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['1h1m1s1ms', 3_661_001],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['1.5s', 1500],
    ['0.1s', 100],
    ['1.1s', 1100],
    ['0s', 0],
    ['5m', 300_000],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '10', 's', '10 s', '-1s', '1m30', '1e3s', '10sec', '5min', '.5s', '1.s', '10S', ' 1s', '1s\n', '1w'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
      expect(text).not.toMatch(new RegExp(DURATION_PATTERN));
    },
  );

  test.each([
    [0, '0s'],
    [500, '500ms'],
    [1500, '1s500ms'],
    [10_000, '10s'],
    [90_000, '1m30s'],
    [86_400_000, '24h'],
    [90_000_000, '25h'],
    [172_800_000, '2d'],
    [604_800_000, '7d'],
    [0.25, '0.25ms'],
  ])('%d ms are written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test('what is written reads back as the same', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 366 * 86_400_000 }), (ms) => parseDuration(formatDuration(ms)) === ms));
  });

  test('an option takes texts, and numbers as seconds', () => {
    expect(duration().parse('1m30s')).toBe(90_000);
    expect(duration().parse(1.5)).toBe(1500);
    expect(duration().prefault('10s').parse(undefined)).toBe(10_000);
  });

  test('limits are said as an operator writes them', () => {
    const option = duration({ min: 100, max: 366 * 86_400_000 });
    expect(option.parse('100ms')).toBe(100);
    expect(option.parse('366d')).toBe(366 * 86_400_000);
    expect(refusal(option, '99ms')).toBe('"99ms" is less than the minimum of 100ms; write it as 500ms, 10s, 1m30s, 24h or 7d');
    expect(refusal(option, '367d')).toContain('"367d" is more than the maximum of 366d;');
    expect(refusal(option, `${'9'.repeat(400)}d`)).toContain('is more than the maximum of 366d');
    expect(refusal(option, -1)).toContain('-1 is less than the minimum of 100ms');
    expect(refusal(option, Number.NaN)).toContain('expected a duration');
    expect(refusal(option, '10 s')).toContain('"10 s" is not a duration;');
    expect(refusal(option, true)).toContain('expected a duration; write it as');
  });
});

describe('sizes', () => {
  test.each([
    ['1024', 1024],
    ['512KiB', 524_288],
    ['64MiB', 67_108_864],
    ['2GiB', 2_147_483_648],
    ['1TiB', 1_099_511_627_776],
    ['2GB', 2_000_000_000],
    ['1kB', 1000],
    ['1KB', 1000],
    ['10 MB', 10_000_000],
    ['1.5KiB', 1536],
    ['7B', 7],
  ])('%s', (text, size) => {
    expect(parseBytes(text)).toBe(size);
    expect(text).toMatch(new RegExp(BYTES_PATTERN));
  });

  test.each(['', 'MiB', '10MBB', '10mb', '10K', '-1', '1e3', 'constructor', '1constructor', '1toString', '10 MiB '])(
    '%j is none',
    (text) => {
      expect(parseBytes(text)).toBeUndefined();
      expect(text).not.toMatch(new RegExp(BYTES_PATTERN));
    },
  );

  test.each([
    [0, '0'],
    [1000, '1kB'],
    [1023, '1023'],
    [1024, '1KiB'],
    [64 * 2 ** 20, '64MiB'],
    [2e9, '2GB'],
    [2 ** 40, '1TiB'],
  ])('%d bytes are written %s', (size, text) => {
    expect(formatBytes(size)).toBe(text);
  });

  test('what is written reads back as the same', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (size) => parseBytes(formatBytes(size)) === size));
  });

  test('an option takes texts, and whole numbers as bytes', () => {
    expect(bytes().parse('1MiB')).toBe(2 ** 20);
    expect(bytes().parse(4096)).toBe(4096);
    expect(refusal(bytes(), 1.5)).toContain('1.5 is not a size;');
    expect(refusal(bytes({ min: 65_536 }), '1KiB')).toBe(
      '"1KiB" is less than the minimum of 64KiB; write it as 512KiB, 64MiB or 2GiB',
    );
    expect(refusal(bytes({ max: 2 ** 30 }), '2GiB')).toContain('is more than the maximum of 1GiB');
    expect(refusal(bytes(), null)).toContain('expected a size; write it as');
  });
});

describe('patterns', () => {
  test.each([
    ['*', '/mnt/a b/.c', true],
    ['*', 'line\nend', true],
    ['/mnt/*', '/mnt/a/.b/c', true],
    ['/mnt/*', '/mnt/.b', true],
    ['/mnt/*', '/media', false],
    ['eth*', 'eth0', true],
    ['eth*', 'veth0', false],
    ['eth?', 'eth0', true],
    ['eth?', 'eth10', false],
    ['eth[0-3]', 'eth2', true],
    ['eth[0-3]', 'eth4', false],
    ['{sd,nvme}*', 'nvme0n1', true],
    ['{sd,nvme}*', 'vda', false],
    ['dm-0', 'dm-0', true],
    ['dm-0', 'dm-01', false],
    ['system.*', 'system.disk', true],
    ['system.*', 'systemXdisk', false],
    ['a.b', 'axb', false],
    ['C:', 'C:', true],
    ['"a"', '"a"', true],
    ['"a"', 'a', false],
    ['a(b', 'a(b', true],
    ['a+b', 'a+b', true],
  ])('%s on %j: %s', (pattern, name, expected) => {
    expect(matcher(pattern)(name)).toBe(expected);
    expect(matcher(['never', pattern])(name)).toBe(expected);
    expect(matcher(`!${pattern}`)(name)).toBe(!expected);
  });

  test('no pattern matches nothing', () => {
    expect(matcher([])('')).toBe(false);
    expect(matcher([])('a')).toBe(false);
  });

  test('one that begins with ! takes away from what the others give', () => {
    const matches = matcher(['system.*', '!system.process*', 'node.*', '!node.a']);
    expect(['system.cpu', 'system.process', 'system.processes', 'node.a', 'node.b', 'x'].map(matches)).toEqual([
      true,
      false,
      false,
      false,
      true,
      false,
    ]);
    expect(['a', 'b', 'c'].map(matcher(['!a', '!b']))).toEqual([false, false, true]);
    expect(['a', 'b', '!a'].map(matcher('!!a'))).toEqual([true, true, false]);
  });

  test('an option takes one or a list', () => {
    expect(globs().parse('eth*')('eth0')).toBe(true);
    expect(globs().parse(['lo', 'eth*'])('lo')).toBe(true);
    expect(globs().parse([])('lo')).toBe(false);
    expect(refusal(globs(), [''])).toBeDefined();
    expect(refusal(globs(), 'x*'.repeat(40_000))).toContain('not a name pattern: ');
  });

  test('a regular expression', () => {
    expect(regex().parse('^(loop|ram)\\d+$').test('loop7')).toBe(true);
    expect(refusal(regex(), '(')).toBe('"(" is not a regular expression: /(/u: Unterminated group');
  });
});

test('a secret is marked, also within other schemas', () => {
  expect(z.globalRegistry.get(secret())).toMatchObject({ secret: true });
  expect(z.globalRegistry.get(secret().max(5).describe('A token.'))).toMatchObject({ secret: true, description: 'A token.' });
  expect(refusal(secret(), '')).toBeDefined();
});
