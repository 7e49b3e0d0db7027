/** Paths and mappings: what they lead to, and that no answer can break them. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Mapping } from '../../src/json/mapping.ts';
import { tables } from '../../src/json/mapping-options.ts';
import { compilePath } from '../../src/json/path.ts';
import { type PlainTable, plain } from '../support.ts';

const find = (path: string, row: unknown, document: unknown = row, key = 'k'): unknown[] =>
  compilePath(path)
    .find({ row, document, key })
    .map(({ value }) => value);

/** Tables of one answer, and the problems of each. */
function fill(written: unknown, document: unknown, maxRows = 1000): { made: PlainTable[]; problems: (string | undefined)[] } {
  const filled = new Mapping(tables.parse(written), maxRows).fill(document, 1000);
  const made = filled.flatMap(({ table }) => (table ? [plain(table.seal())] : []));
  return { made, problems: filled.map(({ problem }) => problem) };
}

describe('a path', () => {
  // The examples of RFC 6901, section 5.
  const rfc = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'c%d': 2, 'e^f': 3, 'g|h': 4, 'i\\j': 5, 'k"l': 6, ' ': 7, 'm~n': 8 };
  test.each<[string, unknown]>([
    ['', rfc],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
  ])('%o is a pointer to %o', (path, value) => {
    expect(find(path, rfc)).toEqual([value]);
  });

  test.each([
    '/foo/2',
    '/foo/01',
    '/foo/-1',
    '/foo/length',
    '/nothing',
    '/foo/0/0',
    '/constructor',
    '/__proto__',
    '/toString/name',
  ])('%o leads to nothing', (path) => {
    expect(find(path, rfc)).toEqual([]);
  });

  test('may be of the answer or of the name of the row', () => {
    const scope = [{ a: 1 }, { a: 2, list: [3, 4] }] as const;
    expect(find('^/a', ...scope)).toEqual([2]);
    expect(find('^$.list[*]', ...scope)).toEqual([3, 4]);
    expect(find('@key', ...scope)).toEqual(['k']);
    expect(find('', ...scope)).toEqual([{ a: 1 }]);
  });

  test('of JSONPath leads to many, by filters too, whatever the peers are called', () => {
    const answer = { peers: [{ out: true, n: 1, 'odd-name': 'x' }, { out: false, n: 2 }, { n: 3 }] };
    expect(find('$.peers[*].n', answer)).toEqual([1, 2, 3]);
    expect(find('$..n', answer)).toEqual([1, 2, 3]);
    expect(find('$.peers[?(@.out===false)].n', answer)).toEqual([2]);
    expect(find('$.peers[?(@.n>1 && @.n<3)].n', answer)).toEqual([2]);
    expect(find("$.peers[?(@['odd-name']=='x')].n", answer)).toEqual([1]);
    expect(find('$.peers[-1:].n', answer)).toEqual([3]);
    expect(find('$.gone[*]', answer)).toEqual([]);
    // A member that lacks what is asked for does not match.
    expect(find('$.peers[?(@.sync.height>1)]', { peers: [{}, { sync: { height: 2 } }] })).toHaveLength(1);
    expect(find('$.peers[*]', null)).toEqual([]);
  });

  test('runs no code, and reaches nothing that the JSON did not have', () => {
    const answer = { list: [{ a: 1 }] };
    const global = globalThis as { reached?: boolean };
    for (const path of [
      "$.list[?(@.constructor.constructor('globalThis.reached=true')())]",
      "$.list[?(this.constructor.constructor('globalThis.reached=true')())]",
      '$.list[?(globalThis.reached=true)]',
      '$.list[?(process.exit(1))]',
    ]) {
      try {
        find(path, answer);
      } catch {
        // That it throws is one way of not doing it.
      }
    }
    expect(global.reached).toBeUndefined();
    expect(find('$..constructor', answer)).toEqual([]);
    expect(find('$.list.__proto__', answer)).toEqual([]);
  });

  test.each([
    ['height', 'is no path'],
    ['/a~2', 'is written ~0'],
    ['$[(@.length-1)]', 'in place of a name'],
    ['^height', 'is no path'],
    ['$.peers[?(@.out=true)]', 'compare with =='],
    ['$.peers[?(@.out==]', 'too many'],
    ['$.peers[', 'too many'],
    ['$.peers[?(@.out ==)].n', 'Expected expression'],
    ['$.a[*].b[?(@.n >>> )]', 'Expected expression'],
  ])('%o is refused', (path, why) => {
    expect(() => compilePath(path)).toThrow(why);
  });
});

describe('a mapping', () => {
  test('leaves out what is not there: fields, rows without a number, tables without a row', () => {
    const written = {
      a: { fields: { x: '/x', y: '/y', z: '/z' } },
      b: { fields: { gone: '/gone' } },
      c: { rows: '/list', attributes: { name: '/name' }, fields: { n: '/n' } },
      d: { rows: '/none', fields: { n: '/n' } },
    };
    const { made, problems } = fill(written, {
      x: 0,
      y: null,
      list: [{ name: 'one' }, { name: 'two', n: 2 }, { n: 3 }, 7, null],
    });
    expect(made).toEqual([
      { type: 'a', rows: [{ x: 0 }] },
      {
        type: 'c',
        rows: [
          { name: 'two', n: 2 },
          { name: '', n: 3 },
        ],
      },
    ]);
    expect(problems).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('combines what a path leads to, and tells none from not there', () => {
    const of = (combine: string): object => ({ path: '$.list[*].n', combine });
    const written = { t: { fields: { first: of('first'), count: of('count'), sum: of('sum'), min: of('min'), max: of('max') } } };
    expect(fill(written, { list: [{ n: 2 }, { n: '5' }, { n: 1 }] }).made[0]?.rows).toEqual([
      { first: 2, count: 3, sum: 8, min: 1, max: 5 },
    ]);
    expect(fill(written, { list: [] }).made[0]?.rows).toEqual([{ count: 0, sum: 0 }]);
    expect(fill(written, { list: null }).made[0]?.rows).toEqual([{ count: 0, sum: 0 }]);
    expect(fill(written, { other: 1 }).made).toEqual([]);
    expect(fill(written, undefined).made).toEqual([]);
  });

  test('takes the first path that leads to something, subtracts, and knows cases', () => {
    const behind = { path: ['/sync/highest', '/sync'], minus: '/sync/current', cases: { false: 0, none: -1, null: -2 } };
    const value = (sync: unknown): unknown => fill({ t: { fields: { behind } } }, { sync }).made[0]?.rows[0]?.['behind'];
    expect(value({ highest: '0x10', current: '0x6' })).toBe(10);
    expect(value({ highest: '0x10' })).toBeUndefined();
    expect(value(false)).toBe(0);
    expect(value('none')).toBe(-1);
    expect(value(null)).toBe(-2);
    expect(fill({ t: { fields: { behind } } }, {}).made).toEqual([]);
  });

  test('says what is not as it should be, once a table, and goes on', () => {
    const written = {
      t: { attributes: { name: '/name' }, fields: { x: '/x', y: '/y' } },
      r: { rows: '/x', fields: { n: '/n' } },
    };
    const { made, problems } = fill(written, { name: ['no text'], x: 'tall', y: 1 });
    expect(made).toEqual([{ type: 't', rows: [{ name: '', y: 1 }] }]);
    expect(problems).toEqual(['name: a list of 1 is no text', 'rows: "tall" is no list and no object']);
  });

  test('gives tables types of their own, more than one of a type too', () => {
    const written = {
      up: { type: 'app.node', fields: { x: '/x' } },
      more: { type: 'app.node', attributes: { a: '/a' }, fields: { y: '/y' } },
    };
    expect(fill(written, { x: 1, y: 2, a: 'b' }).made.map(({ type }) => type)).toEqual(['app.node', 'app.node']);
  });
});

test('no answer breaks a mapping: every number is one that the answer had', () => {
  const written = {
    t: {
      attributes: { a: '/a' },
      fields: { n: '/n', deep: '$..n', age: { path: '/a', as: 'age' }, count: { path: '/list', as: 'count' } },
    },
    r: { rows: '/list', attributes: { k: '@key' }, fields: { n: '/n', sum: { path: '$[*]', combine: 'sum' } } },
    m: { rows: '$.list[*]', fields: { n: { path: ['/n', ''], minus: '^/n' } } },
    s: { states: { path: '/a', attribute: 's', values: ['x', 'y'] } },
  };
  const mapping = new Mapping(tables.parse(written), 50);
  const leaf = fc.oneof(fc.integer(), fc.double(), fc.string({ maxLength: 6 }), fc.boolean(), fc.constant(null));
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('tree'), { maxLength: 5 }),
      fc.dictionary(fc.constantFrom('a', 'n', 'list', '', '__proto__', 'constructor', '0'), tie('tree'), { maxKeys: 6 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      // As an answer would be: through JSON.
      const document = JSON.parse(JSON.stringify(value) ?? 'null') as unknown;
      for (const { table, rows, problems, problem } of mapping.fill(document, 1000)) {
        expect(rows).toBeLessThanOrEqual(150);
        expect(problems === 0).toBe(problem === undefined);
        if (!table) continue;
        const { values, absent, layout } = table.seal();
        expect(layout.rows).toBe(rows);
        for (let i = 0; i < values.length; i++) if (!absent?.[i]) expect(typeof values[i]).toBe('number');
        for (const column of layout.attributes) for (const cell of column) expect(typeof cell).toBe('string');
      }
      const n = (document as { n?: unknown } | null)?.n;
      const [first] = mapping.fill(document, 1000);
      const got = first?.table && plain(first.table.seal()).rows[0]?.['n'];
      if (typeof n === 'number') expect(got).toBe(n);
    }),
    { numRuns: 1000 },
  );
});

test('a deep answer is a problem and no crash', () => {
  const depth = 200_000;
  const document = JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) as unknown;
  const { problems } = fill({ t: { fields: { n: '$..n' } } }, { a: document });
  expect(problems[0]).toContain('n: ');
});
