/**
 * `${…}` in the texts of a configuration, after YAML is parsed, so that a value can never break the file's structure.
 *
 *   ${VAR}            the variable; a mistake when it is not set
 *   ${VAR:-default}   the default when it is not set or empty
 *   ${VAR:?message}   a mistake with that message when it is not set or empty
 *   ${file:PATH}      the content of a file, without its last newline
 *   $${               a literal ${
 *
 * Default, message and path may hold substitutions; values are taken as they are and never expanded again.
 */
import { nearest } from '../nearest.ts';
import type { ReadResult } from './read-file.ts';

/** What a text became. */
export interface Substituted {
  readonly value: string;
  /** The value with `***` for what came from outside. */
  readonly shown: string;
  /** What came from outside: contents of variables and files. */
  readonly outside: readonly string[];
  readonly fromFile: boolean;
  /** Whether a part of it could not be replaced, which is told. */
  readonly broken: boolean;
}

export interface Outside {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a secret file; the path may be relative to the configuration's folder. */
  readonly read: (path: string) => ReadResult;
  /** Told of each mistake, with the expression that it is in. */
  readonly mistake: (expression: string, what: string, hint?: string) => void;
  readonly warning: (expression: string, what: string) => void;
}

interface Expression {
  readonly raw: string;
  /** `file`, or a variable's name. */
  readonly name: string;
  readonly operator: '' | ':-' | ':?' | ':';
  readonly argument: readonly Part[];
}
type Part = string | Expression;

const MASK = '***';
const FORMS = 'use ${VAR}, ${VAR:-default}, ${VAR:?message} or ${file:PATH}, and $${ for a literal ${';

/** Replaces every `${…}`. What cannot be replaced is told to `outside.mistake` and left out. */
export function substitute(text: string, outside: Outside): Substituted {
  let broken = false;
  const told: Outside = {
    ...outside,
    mistake: (...about) => {
      broken = true;
      outside.mistake(...about);
    },
  };
  return { ...render(new Parser(text, told).parts(false), told), broken };
}

type Result = { value: string; shown: string; outside: string[]; fromFile: boolean };

function evaluate(part: Part, outside: Outside, result: Result): void {
  if (typeof part === 'string') {
    result.value += part;
    result.shown += part;
  } else if (part.operator === ':') {
    addFile(part, outside, result);
  } else {
    addVariable(part, outside, result);
  }
}

function addVariable(expression: Expression, outside: Outside, result: Result): void {
  const { raw, name, operator, argument } = expression;
  const value = Object.hasOwn(outside.env, name) ? outside.env[name] : undefined;
  if (value !== undefined && (value !== '' || operator === '')) return add(value, result);
  if (operator === ':-') {
    for (const part of argument) evaluate(part, outside, result);
  } else if (operator === ':?') {
    const message = render(argument, outside).shown || 'it is required';
    outside.mistake(raw, `the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}: ${message}`);
  } else {
    const near = nearest(name, Object.keys(outside.env));
    const hint = near ? `did you mean ${near}?` : `set it, or give a default: \${${name}:-default}`;
    outside.mistake(raw, `the environment variable ${name} is not set`, hint);
  }
}

function addFile({ raw, argument }: Expression, outside: Outside, result: Result): void {
  const { value: path, shown } = render(argument, outside);
  if (path === '') return outside.mistake(raw, 'the name of the file is missing', FORMS);
  const read = outside.read(path);
  if ('problem' in read) return outside.mistake(raw, `the file ${shown} ${read.problem}`);
  const content = read.text.replace(/\r?\n$/, '');
  if (content === '') outside.warning(raw, `the file ${shown} is empty`);
  result.fromFile = true;
  add(content, result);
}

function add(value: string, result: Result): void {
  result.value += value;
  result.shown += value === '' ? '' : MASK;
  if (value !== '') result.outside.push(value);
}

function render(parts: readonly Part[], outside: Outside): Result {
  const result: Result = { value: '', shown: '', outside: [], fromFile: false };
  for (const part of parts) evaluate(part, outside, result);
  return result;
}

/** Levels of `${…}` within `${…}`; more is a slip, and the parser calls itself. */
const DEPTH_MAX = 8;

class Parser {
  readonly #text: string;
  readonly #outside: Outside;
  #at = 0;
  #depth = 0;
  #broken = false;

  constructor(text: string, outside: Outside) {
    this.#text = text;
    this.#outside = outside;
  }

  /** Up to the end, or up to the brace that closes the expression we are in. */
  parts(inside: boolean): Part[] {
    const parts: Part[] = [];
    let literal = '';
    while (this.#at < this.#text.length && !this.#broken) {
      if (inside && this.#text[this.#at] === '}') break;
      if (this.#text.startsWith('$${', this.#at)) {
        literal += '${';
        this.#at += 3;
      } else if (this.#text.startsWith('${', this.#at)) {
        if (literal !== '') parts.push(literal);
        literal = '';
        const expression = this.#expression();
        if (expression) parts.push(expression);
      } else {
        literal += this.#text[this.#at++];
      }
    }
    if (literal !== '') parts.push(literal);
    return parts;
  }

  #expression(): Expression | undefined {
    const start = this.#at;
    const raw = () => this.#text.slice(start, this.#at + 1);
    const match = /(file)(:)|([A-Za-z_][A-Za-z0-9_]*)(:-|:\?|(?=\}))/y;
    match.lastIndex = start + 2;
    const found = match.exec(this.#text);
    const end = this.#text.indexOf('}', start);
    if (end < 0) return this.#break(this.#text.slice(start), 'the closing } of ${ is missing');
    if (!found || ++this.#depth > DEPTH_MAX) {
      return this.#break(this.#text.slice(start, end + 1), `${this.#text.slice(start, end + 1)} is no substitution`);
    }
    this.#at = match.lastIndex;
    const argument = this.parts(true);
    this.#depth--;
    if (this.#broken) return undefined;
    if (this.#at >= this.#text.length) return this.#break(this.#text.slice(start), 'the closing } of ${ is missing');
    const expression = {
      raw: raw(),
      name: found[1] ?? found[3] ?? '',
      operator: (found[2] ?? found[4] ?? '') as Expression['operator'],
      argument,
    };
    this.#at++;
    return expression;
  }

  #break(expression: string, what: string): undefined {
    this.#broken = true;
    this.#outside.mistake(expression, what, FORMS);
    return undefined;
  }
}
