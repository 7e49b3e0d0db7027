/**
 * XML as `nvidia-smi -q -x` writes it: elements, attributes, text, a declaration and a DOCTYPE without anything inside. Not a general
 * parser: what else XML has is not in it.
 */

/** Elements within elements; deeper is no answer of a driver. */
const DEPTH_MAX = 32;

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  /** Text directly within, without white space around it. */
  text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * The root element of a whole document. An element that is not `wanted`, by its name and by how many elements it is within, is passed over with all
 * in it: most of an answer is of no interest. Throws where the document is not well-formed.
 */
export function parseXml(text: string, wanted: (name: string, depth: number) => boolean = () => true): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  let from = 0;
  for (let begin = text.indexOf('<'); begin >= 0; begin = text.indexOf('<', from)) {
    const end = text.indexOf('>', begin);
    if (end < 0) break;
    const inside = open.at(-1) as Element;
    if (begin > from) inside.text += text.slice(from, begin).trim();
    from = end + 1;
    const mark = text[begin + 1];
    if (mark === '?' || mark === '!') continue;
    if (mark === '/') {
      const name = text.slice(begin + 2, end).trimEnd();
      if (inside === root || inside.name !== name) throw new Error(`wrote XML with </${name}> where <${inside.name}> is open`);
      inside.text = decode(inside.text);
      open.pop();
      continue;
    }
    const empty = text[end - 1] === '/';
    const tag = text.slice(begin + 1, empty ? end - 1 : end);
    const blank = tag.search(/\s/);
    const name = blank < 0 ? tag : tag.slice(0, blank);
    if (!wanted(name, open.length - 1)) {
      from = empty ? from : endOf(name, text, from);
      continue;
    }
    const element: Element = { name, attributes: blank < 0 ? {} : attributesOf(tag.slice(blank)), children: [], text: '' };
    inside.children.push(element);
    if (empty) continue;
    if (open.length > DEPTH_MAX) throw new Error('wrote XML with too many elements within each other');
    open.push(element);
  }
  const [first] = root.children;
  if (open.length !== 1 || !first) throw new Error(`wrote XML without an end, in <${open.at(-1)?.name}>`);
  return first;
}

/** Behind the end of an element, which holds none of its own name. */
function endOf(name: string, text: string, from: number): number {
  const closing = `</${name}>`;
  const end = text.indexOf(closing, from);
  if (end < 0) throw new Error(`wrote XML without an end, in <${name}>`);
  return end + closing.length;
}

function attributesOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([\w:.-]+)="([^"]*)"/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, decode(value)]));
}

const decode = (text: string): string =>
  text.replace(/&(#x?[0-9a-fA-F]+|\w+);/g, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name] ?? whole;
    const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });

/** The first element below `parent` along a path of names. */
export function find(parent: Element | undefined, ...path: readonly string[]): Element | undefined {
  let at = parent;
  for (const name of path) at = at?.children.find((child) => child.name === name);
  return at;
}

/** The text of the first of several paths that is there; a path is names with a slash between. */
export function textOf(parent: Element | undefined, ...paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const found = find(parent, ...path.split('/'));
    if (found) return found.text;
  }
  return undefined;
}

/** All elements of a name directly below an element. */
export const all = (parent: Element | undefined, name: string): Element[] =>
  parent?.children.filter((child) => child.name === name) ?? [];
