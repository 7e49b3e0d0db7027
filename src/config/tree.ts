/**
 * One YAML file as located values. YAML's own checks and what an operator may trip over are mistakes with their places: syntax,
 * repeated keys, tabs, unknown tags and anchors.
 *
 * Limits: NESTING_MAX levels, because the parser calls itself; ALIASED_MAX values through aliases, so that a small file stays small.
 */
import * as yaml from 'yaml';
import { nearest } from '../nearest.ts';
import { inherit, put, type Slot } from './located.ts';
import type { Findings, Place, Source } from './mistake.ts';
import { type Outside, type Substituted, substitute } from './substitute.ts';
import { syntaxMistakes, tellTabs } from './syntax.ts';

const NESTING_MAX = 64;
const ALIASED_MAX = 10_000;

/** What a tree needs from around it. `substituted` is told of every text that had a `${…}`. */
export interface TreeContext {
  readonly findings: Findings;
  readonly outside: Pick<Outside, 'env' | 'read'>;
  readonly substituted: (text: Substituted, slot: Slot) => void;
}

/** The content of a file; `undefined` when its syntax is too broken to tell, which is said. An empty file is `null`. */
export function parseTree(source: Source, context: TreeContext): unknown {
  const { findings } = context;
  const { text } = source;
  let parsed = parse(source, text, findings);
  if (parsed?.some((document) => document.errors.some((error) => error.code === 'TAB_AS_INDENT'))) {
    for (const document of parsed) tellTabs(document, source, findings);
    // Each tab as one blank leaves every place where it is, and mostly gives the structure that was meant.
    parsed = parse(
      { ...source, lines: new yaml.LineCounter() },
      text.replace(/^[ \t]+/gm, (indent) => ' '.repeat(indent.length)),
      findings,
    );
    if (parsed?.some((document) => document.errors.length > 0)) return undefined;
  }
  const [document, second] = parsed ?? [];
  if (!document) return parsed && null;
  const sound = syntaxMistakes(document, source, findings);
  if (second) {
    const start = second.range[0];
    const hint = 'a configuration is one document: remove the ---';
    findings.mistake({ source, start, end: start + 3 }, 'a second document begins here', hint);
  }
  return sound ? new Converter(source, document, context).root() : undefined;
}

function parse(source: Source, text: string, findings: Findings): yaml.Document.Parsed[] | undefined {
  const tokens = [...new yaml.Parser(source.lines.addNewLine).parse(text)];
  if (nesting(tokens) > NESTING_MAX) {
    findings.mistake(source.file, `the file is nested deeper than ${NESTING_MAX} levels`);
    return undefined;
  }
  const composer = new yaml.Composer({ version: '1.2', schema: 'core', uniqueKeys: false, strict: true, logLevel: 'silent' });
  return [...composer.compose(tokens, true, text.length)];
}

/** Levels of a token tree, counted without recursion. */
function nesting(tokens: readonly yaml.CST.Token[]): number {
  let deepest = 0;
  const stack: [unknown, number][] = tokens.map((token) => [token, 0]);
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [token, depth] = top;
    if (typeof token !== 'object' || token === null) continue;
    deepest = Math.max(deepest, depth);
    const { value, items } = token as { value?: unknown; items?: { key?: unknown; value?: unknown }[] };
    stack.push([value, depth]);
    for (const item of items ?? []) stack.push([item.key, depth + 1], [item.value, depth + 1]);
  }
  return deepest;
}

class Converter {
  readonly #source: Source;
  readonly #document: yaml.Document.Parsed;
  readonly #context: TreeContext;
  /** What each alias stands for: an anchor may be set again later, so the order of the file decides. */
  readonly #targets = new Map<yaml.Alias, yaml.Node>();
  /** The nodes that we are within, to notice an alias that contains itself. */
  readonly #within = new Set<unknown>();
  /** Aliases that we are within, and values that came by way of aliases. */
  #aliases = 0;
  #aliased = 0;

  constructor(source: Source, document: yaml.Document.Parsed, context: TreeContext) {
    this.#source = source;
    this.#document = document;
    this.#context = context;
  }

  root(): unknown {
    const anchors = new Map<string, yaml.Node>();
    yaml.visit(this.#document, {
      Node: (_key, node) => {
        if (yaml.isAlias(node)) this.#bind(node, anchors);
        else if (node.anchor) anchors.set(node.anchor, node);
      },
    });
    const { value } = this.#value(this.#document.contents);
    return this.#aliased > ALIASED_MAX ? undefined : value;
  }

  #bind(alias: yaml.Alias, anchors: ReadonlyMap<string, yaml.Node>): void {
    const target = anchors.get(alias.source);
    if (target) this.#targets.set(alias, target);
    else
      this.#mistake(
        alias,
        `there is no anchor &${alias.source} before this alias`,
        suggestion(alias.source, anchors.keys(), '&'),
      );
  }

  /** The value of a node, and where it was written: an alias' value is where its anchor is. */
  #value(node: unknown): { value: unknown; slot: Omit<Slot, 'key'> } {
    if (yaml.isAlias(node)) return this.#alias(node);
    if (this.#aliases > 0 && ++this.#aliased > ALIASED_MAX) return { value: null, slot: this.#slot(node) };
    if (yaml.isScalar(node)) return this.#scalar(node);
    this.#within.add(node);
    const value = yaml.isMap(node) ? this.#mapping(node) : yaml.isSeq(node) ? this.#list(node) : null;
    this.#within.delete(node);
    return { value, slot: this.#slot(node) };
  }

  #alias(alias: yaml.Alias): { value: unknown; slot: Omit<Slot, 'key'> } {
    const target = this.#targets.get(alias);
    if (!target || this.#aliased > ALIASED_MAX) return { value: null, slot: this.#slot(alias) };
    if (this.#within.has(target)) {
      this.#mistake(alias, `the alias *${alias.source} is inside what it stands for`);
      return { value: null, slot: this.#slot(alias) };
    }
    this.#aliases++;
    const result = this.#value(target);
    this.#aliases--;
    if (this.#aliased > ALIASED_MAX && this.#aliases === 0)
      this.#mistake(alias, `aliases expand to more than ${ALIASED_MAX} values`);
    return result;
  }

  #mapping(map: yaml.YAMLMap): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const own = new Map<string, Place>();
    const merged: Record<string, unknown>[] = [];
    for (const pair of map.items) {
      if (isMergeKey(pair.key)) {
        merged.push(...this.#merged(pair));
        continue;
      }
      const name = this.#name(pair.key, map);
      if (name === undefined) continue;
      const key = this.#place(pair.key);
      const first = own.get(name);
      if (first) {
        const { line } = this.#source.lines.linePos(first.start);
        this.#context.findings.mistake(key, `"${name}" is here twice; the first is in line ${line}`, 'keep one of them');
        continue;
      }
      own.set(name, key);
      const { value, slot } = this.#value(pair.value);
      // The place of a value that is not there is its key.
      put(result, name, value, this.#registered({ ...slot, value: pair.value === null ? key : slot.value, key }));
    }
    for (const mapping of merged) inherit(result, mapping);
    return result;
  }

  /** The mappings of a `<<` key. */
  #merged(pair: yaml.Pair): Record<string, unknown>[] {
    const { value } = this.#value(pair.value);
    const list = Array.isArray(value) ? value : [value];
    const mappings = list.filter((item) => typeof item === 'object' && item !== null && !Array.isArray(item));
    if (mappings.length < list.length)
      this.#mistake(pair.key, '<< takes mappings alone', 'write <<: *anchor, or <<: [*one, *other]');
    return mappings as Record<string, unknown>[];
  }

  #name(key: unknown, map: yaml.YAMLMap): string | undefined {
    const node = yaml.isAlias(key) ? this.#targets.get(key) : key;
    const value = yaml.isScalar(node) ? node.value : undefined;
    if (!yaml.isScalar(node) || value === undefined || typeof value === 'object') {
      this.#mistake(node ?? map, 'a name is missing before the ":", or is no plain text');
      return undefined;
    }
    const name = typeof value === 'string' ? value : (node.source ?? JSON.stringify(value));
    if (name !== '__proto__') return name;
    this.#mistake(node, 'there is no option "__proto__"');
    return undefined;
  }

  #list(seq: yaml.YAMLSeq): unknown[] {
    const result: unknown[] = [];
    for (const [i, item] of seq.items.entries()) {
      if (yaml.isPair(item)) this.#mistake(item.key, 'a list of pairs is not supported');
      const { value, slot } = this.#value(item);
      put(result, i, value, this.#registered({ ...slot, key: undefined }));
    }
    return result;
  }

  #scalar(node: yaml.Scalar): { value: unknown; slot: Omit<Slot, 'key'> } {
    const slot = this.#slot(node);
    const { value } = node;
    if (typeof value === 'bigint' || (typeof value === 'object' && value !== null)) {
      this.#mistake(node, `the tag ${node.tag ?? ''} is not supported`, 'write texts, numbers, true and false alone');
      return { value: null, slot };
    }
    if (typeof value !== 'string' || !value.includes('${')) return { value, slot };
    const text = substitute(value, this.#outside(node));
    // In plain style the file says "whatever it is", in quotes "a text": the other reading is tried when the option wants it.
    const typed = retyped(text.value);
    const plain = node.type === yaml.Scalar.PLAIN;
    const other = typed === undefined ? {} : { other: plain ? text.value : typed };
    return { value: plain && typed !== undefined ? typed : text.value, slot: { ...slot, text, ...other } };
  }

  /** Substitution whose mistakes point at the expression, where it can be found in the source of the scalar. */
  #outside(node: yaml.Scalar): Outside {
    const { findings, outside } = this.#context;
    const at = (expression: string): Place => {
      const whole = this.#place(node);
      const start = this.#source.text.indexOf(expression, whole.start);
      const found = start >= 0 && start + expression.length <= whole.end;
      return found ? { source: this.#source, start, end: start + expression.length } : whole;
    };
    return {
      ...outside,
      mistake: (expression, what, hint) => findings.mistake(at(expression), what, hint),
      warning: (expression, what) => findings.warning(at(expression), what),
    };
  }

  #registered(slot: Slot): Slot {
    if (slot.text) this.#context.substituted(slot.text, slot);
    return slot;
  }

  #slot(node: unknown): Omit<Slot, 'key'> {
    return { value: this.#place(node), text: undefined };
  }

  #place(node: unknown): Place {
    const range = yaml.isNode(node) ? node.range : undefined;
    const [start, end] = range ?? [0, 0];
    return { source: this.#source, start, end };
  }

  #mistake(node: unknown, what: string, hint?: string): void {
    this.#context.findings.mistake(this.#place(node), what, hint);
  }
}

const isMergeKey = (key: unknown): boolean => yaml.isScalar(key) && key.value === '<<' && key.type === yaml.Scalar.PLAIN;

const suggestion = (wrong: string, names: Iterable<string>, sign: string): string | undefined => {
  const near = nearest(wrong, names);
  return near && `did you mean ${sign}${near}?`;
};

/** A number, true or false by YAML's core rules (https://yaml.org/spec/1.2.2/#1032-tag-resolution), or undefined. */
function retyped(text: string): number | boolean | undefined {
  if (/^(true|True|TRUE)$/.test(text)) return true;
  if (/^(false|False|FALSE)$/.test(text)) return false;
  if (/^0o[0-7]+$|^0x[0-9a-fA-F]+$/.test(text)) return Number(text);
  return /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(text) ? Number(text) : undefined;
}
