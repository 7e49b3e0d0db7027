/** What commands print, without commands: tables of text, lines in pieces, plugins of Nagios, pairs; and whose rights they get. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accountOf } from '../../src/command/account.ts';
import { parseCsv, recordOf } from '../../src/command/csv.ts';
import { LineSplitter } from '../../src/command/lines.ts';
import { parseNagios } from '../../src/command/nagios.ts';
import { documentOf, RecordReader } from '../../src/command/records.ts';
import { SEED } from '../events.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

describe('csv', () => {
  test.each<[string, string | undefined, string[][]]>([
    [
      'a,b\n1,2\n',
      undefined,
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'a,b\r\n1,2\r\n',
      undefined,
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['"x,y","say ""no""\nto it",\n', undefined, [['x,y', 'say "no"\nto it', '']]],
    [
      'a, 1 MiB , [N/A]\n\n\nb,2\n',
      undefined,
      [
        ['a', '1 MiB', '[N/A]'],
        ['b', '2'],
      ],
    ],
    ['a\tb c\t\n', '\t', [['a', 'b c', '']]],
    [
      '  PID   CPU\n 1  0.5 \n',
      'blanks',
      [
        ['PID', 'CPU'],
        ['1', '0.5'],
      ],
    ],
    ['a,', undefined, [['a', '']]],
    ['"no end, and', undefined, [['no end, and']]],
    ['""\n', undefined, [['']]],
    ['', undefined, []],
  ])('%j with %j', (text, separator, rows) => {
    expect(parseCsv(text, separator)).toEqual(rows);
  });

  test(`what is written is what is read, whatever is in the cells (seed ${SEED})`, () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', ';', '\n', '\r', ' ', 'é', '\t') });
    const written = (rows: string[][], separator: string): string =>
      rows.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(separator)).join('\r\n');
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 1 })), fc.constantFrom(',', ';', '\t', '||'), (rows, separator) => {
        expect(parseCsv(written(rows, separator), separator)).toEqual(rows);
      }),
      { seed: SEED },
    );
  });

  test('a column without a name has its place, an empty cell is absent, and of two of one name the first is taken', () => {
    expect({ ...recordOf(['a', '', 'a', '__proto__'], ['1', '2', '3', '4', '5']) }).toEqual(
      Object.fromEntries([
        ['a', '1'],
        ['2', '2'],
        ['__proto__', '4'],
        ['5', '5'],
      ]),
    );
    expect({ ...recordOf(['a', 'b'], ['', 'x']) }).toEqual({ b: 'x' });
  });
});

describe('lines', () => {
  test(`are the same however the bytes come in pieces (seed ${SEED})`, () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n', '\r\n') });
    fc.assert(
      fc.property(text, fc.array(fc.nat(7)), (all, cuts) => {
        const lines: string[] = [];
        const splitter = new LineSplitter(1000, (line) => lines.push(line));
        let rest = Buffer.from(all);
        for (const cut of cuts) {
          splitter.write(rest.subarray(0, cut));
          rest = rest.subarray(cut);
        }
        splitter.write(rest);
        expect(lines).toEqual(all.split(/\r?\n/).slice(0, -1));
        expect(splitter.reset()).toBe(!all.endsWith('\n') && all !== '');
      }),
      { seed: SEED },
    );
  });

  test('that are too long are counted and left out, and those after them are whole', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter(4, (line) => lines.push(line));
    for (const piece of ['abcd\nab', 'cd', 'e', 'f\nx\n12345']) splitter.write(Buffer.from(piece));
    expect(lines).toEqual(['abcd', 'x']);
    expect(splitter.overlong).toBe(2);
  });
});

describe('nagios', () => {
  test('the example of the guidelines', () => {
    const { text, perfdata } = parseNagios(
      "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n/ 15272 MB (77%);\n/boot 68 MB (69%); | /boot=68MB;88;93;0;98\n'/home x'=69357MB;253404;253409;0;253414",
      0,
    );
    expect(text).toBe('DISK OK - free space: / 3326 MB (56%);');
    expect(perfdata.map(({ label }) => label)).toEqual(['/', '/boot', '/home x']);
    const MIB = 2 ** 20;
    expect(perfdata[0]).toEqual({
      label: '/',
      unit: 'By',
      counter: false,
      value: 2643 * MIB,
      warning: 5948 * MIB,
      critical: 5958 * MIB,
      min: 0,
      max: 5968 * MIB,
    });
  });

  test.each<[string, object]>([
    ['x=15ms;10:20;@30:40', { unit: 's', value: 0.015, warning: 0.02, critical: 0.04 }],
    ['x=56%;~:80', { unit: '1', value: 0.56, warning: 0.8, critical: undefined }],
    ['x=12c', { unit: '1', counter: true, value: 12 }],
    ['x=U', { value: undefined }],
    ['x=1,5', { value: 1.5 }],
    ['x=21Cel', { unit: 'Cel', value: 21 }],
    ["'it''s'=1e3", { label: "it's", value: 1000 }],
  ])('%s', (text, wanted) => {
    expect(parseNagios(`OK | ${text}`, 0).perfdata[0]).toMatchObject(wanted);
  });

  test('what is no performance data is left out, and what follows is read', () => {
    const { perfdata, problems } = parseNagios('OK | junk a=1 b=x c=2', 0);
    expect(perfdata.map(({ label }) => label)).toEqual(['a', 'c']);
    expect(problems).toEqual(['junk', 'b=x']);
  });
});

describe('records', () => {
  const given = { pattern: undefined, separator: undefined, columns: undefined };

  test('pairs, quoted or not, and comments', () => {
    const text = '# a comment\nID=debian\nVERSION="12 (bookworm)"\nno pair\nEMPTY=\nX = \'y\'\n';
    expect(documentOf(text, 0, { ...given, format: 'pairs' })).toEqual({
      ID: 'debian',
      VERSION: '12 (bookworm)',
      EMPTY: '',
      X: 'y',
    });
    expect(documentOf('a: 1\nb: 2', 0, { ...given, format: 'pairs', separator: ':' })).toEqual({ a: '1', b: '2' });
  });

  test('lines that a pattern fits, with its groups', () => {
    const pattern = /^(?<name>\w+): (?<ms>\d+)ms(?<more>x)?$/u;
    expect(documentOf('db: 12ms\nnoise\nweb: 3ms', 0, { ...given, format: 'lines', pattern })).toEqual([
      { line: 'db: 12ms', name: 'db', ms: '12' },
      { line: 'web: 3ms', name: 'web', ms: '3' },
    ]);
  });

  test('the first line of a streamed table names its columns, unless they are given', () => {
    const named = new RecordReader({ ...given, format: 'csv' });
    expect(['a,b', '1,2'].map((line) => named.read(line))).toEqual([
      undefined,
      Object.assign(Object.create(null), { a: '1', b: '2' }),
    ]);
    const told = new RecordReader({ ...given, format: 'csv', columns: ['x'] });
    expect({ ...told.read('7') }).toEqual({ x: '7' });
  });

  test('what is no JSON says so', () => {
    expect(() => documentOf('{"a":', 0, { ...given, format: 'json' })).toThrow(/no JSON/);
    expect(() => documentOf('{}\n7', 0, { ...given, format: 'json_lines' })).toThrow(/"7" is no object/);
  });
});

describe('accounts', () => {
  const etc = temporaryFolder();
  writeFiles(etc, { passwd: 'tide:x:4242:4343:,,,:/var/tide:/bin/sh\n', group: 'gate:x:4444:\n' });
  const own = { PATH: '/bin', SECRET: 'x', HOME: '/root' };
  const given = { user: undefined, group: undefined, environment: ['PATH', 'HOME', 'LANG'], variables: { LC_ALL: 'C' } };
  const isRoot = process.geteuid?.() === 0;

  test('see the variables that are named and no others', () => {
    expect(accountOf(given, own, etc)).toEqual({
      uid: undefined,
      gid: undefined,
      environment: { PATH: '/bin', HOME: '/root', LC_ALL: 'C' },
    });
  });

  test.runIf(isRoot)('have the numbers, the group and the home that /etc says', () => {
    const environment = { PATH: '/bin', HOME: '/var/tide', USER: 'tide', LC_ALL: 'C' };
    expect(accountOf({ ...given, user: 'tide' }, own, etc)).toEqual({ uid: 4242, gid: 4343, environment });
    expect(accountOf({ ...given, user: 4242, group: 'gate' }, own, etc)).toEqual({ uid: 4242, gid: 4444, environment });
    expect(accountOf({ ...given, user: 99, group: 98 }, own, etc)).toMatchObject({ uid: 99, gid: 98 });
  });

  test.runIf(!isRoot)('of others are for root', () => {
    expect(() => accountOf({ ...given, user: 'tide' }, own, etc)).toThrow(/only root/);
  });

  test('that there are not are said', () => {
    expect(() => accountOf({ ...given, user: 'ebb' }, own, etc)).toThrow(/no user ebb in .*passwd.*by its number/);
    expect(() => accountOf({ ...given, group: 'ebb' }, own, etc)).toThrow(/no group ebb/);
    expect(() => accountOf({ ...given, user: 99 }, own, etc)).toThrow(/give group too/);
  });
});
