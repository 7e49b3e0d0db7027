/**
 * Where a value is in an answer, as a mapping writes it:
 *
 *   /queues/0/name      JSON Pointer (RFC 6901), from the row, or from the answer where there are no rows
 *   $.queues[*].name    JSONPath, likewise; it may lead to many values
 *   ^/version, ^$.a     the same, from the answer, whatever the row
 *   @key                the row's name in its object, or its place in its list
 *
 * A filter, `$.peers[?(@.outbound)]`, is evaluated by jsonpath-plus' own interpreter of expressions, never as JavaScript; an expression in place
 * of a name, `$[(…)]`, is refused. Members are those that the JSON had: nothing inherited is ever reached.
 */
import { createRequire } from 'node:module';

/** What a path is followed in. */
export interface Scope {
  readonly document: unknown;
  readonly row: unknown;
  /** Empty without rows. */
  readonly key: string;
}

export interface Path {
  readonly text: string;
  /** Whether it may lead to many values. */
  readonly many: boolean;
  /** What it leads to, each with its name or place. Nothing is an empty list. */
  find(scope: Scope): readonly Found[];
  /** Whether what its first name stands for is there, so that "none" is an answer. */
  isAnswered(scope: Scope): boolean;
}

export interface Found {
  readonly key: string;
  readonly value: unknown;
}

/** What jsonpath-plus says of a value. */
interface Match {
  readonly value: unknown;
  readonly parentProperty: string | number | null;
}

type Library = typeof import('jsonpath-plus');
let library: Library | undefined;
const require = createRequire(import.meta.url);
/** Loaded when a path first needs it. */
const jsonPath = (): Library['JSONPath'] => (library ??= require('jsonpath-plus') as Library).JSONPath;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Throws an `Error` that says what is wrong with the text. */
export function compilePath(text: string): Path {
  if (text === '@key') return { text, many: false, find: ({ key }) => [{ key, value: key }], isAnswered: () => true };
  const absolute = text.startsWith('^');
  const body = absolute ? text.slice(1) : text;
  const from = absolute ? ({ document }: Scope): unknown => document : ({ row }: Scope): unknown => row;
  if (body.startsWith('$')) return compileJsonPath(text, body, from);
  if (body !== '' && !body.startsWith('/'))
    throw new Error(`${JSON.stringify(text)} is no path: write /a/b (JSON Pointer), $.a.b (JSONPath), ^ before either, or @key`);
  const names = pointerNames(body);
  return {
    text,
    many: false,
    find: (scope) => {
      const value = follow(from(scope), names);
      return value === undefined ? [] : [{ key: names.at(-1) ?? scope.key, value }];
    },
    isAnswered: (scope) => follow(from(scope), names.slice(0, 1)) !== undefined,
  };
}

function pointerNames(pointer: string): string[] {
  if (/~(?![01])/.test(pointer))
    throw new Error(`${JSON.stringify(pointer)}: in a JSON Pointer, ~ is written ~0 and / is written ~1`);
  return pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The member at the end of the names, or undefined. A place in a list is a whole number without leading zeros. */
function follow(root: unknown, names: readonly string[]): unknown {
  let value = root;
  for (const name of names) {
    if (!isObject(value)) return undefined;
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(name)) return undefined;
    value = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  }
  return value;
}

function compileJsonPath(text: string, body: string, from: (scope: Scope) => unknown): Path {
  const JSONPath = jsonPath();
  const names = JSONPath.toPathArray(body);
  const filters = names.filter((name) => name.startsWith('?('));
  const wrong = wrongIn(body, names, filters);
  if (wrong !== undefined) throw new Error(`${JSON.stringify(text)} ${wrong}`);
  const search = (path: string, json: object): Match[] =>
    JSONPath<Match[] | undefined>({
      path,
      json,
      wrap: true,
      resultType: 'all',
      eval: filters.length > 0 ? 'safe' : false,
      // A member that lacks what a filter asks for does not match.
      ignoreEvalErrors: true,
    }) ?? [];
  // An expression is parsed when a member is first held against it; here it is, without an answer.
  for (const filter of filters) search(`$[${filter}]`, [{}]);
  const first = names[1];
  const plain = first !== undefined && /^[\w-]+$/.test(first) ? [first] : [];
  const find = (scope: Scope): readonly Found[] => {
    const json = from(scope);
    if (!isObject(json)) return body === '$' && json !== undefined ? [{ key: scope.key, value: json }] : [];
    return search(body, json).map(({ value, parentProperty }) => ({ key: String(parentProperty ?? scope.key), value }));
  };
  return { text, many: true, find, isAnswered: (scope) => follow(from(scope), plain) !== undefined };
}

/** What is wrong with a JSONPath that the library would take for something else, or take in silence. */
function wrongIn(body: string, names: readonly string[], filters: readonly string[]): string | undefined {
  const bare = body.replaceAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, '');
  for (const [open, close] of ['[]', '()'] as const)
    if (bare.split(open as string).length !== bare.split(close as string).length) return `has a ${open} or ${close} too many`;
  if (names.some((name) => name.startsWith('(')))
    return 'has an expression in place of a name, which is not taken: only filters, [?(…)], are';
  if (filters.length > 0 && /(?<![=!<>])=(?!=)/.test(bare)) return 'assigns with a single =: compare with ==';
  return undefined;
}
