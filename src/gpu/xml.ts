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

/** The root element of a whole document. Throws where it is not well-formed. */
export function parseXml(text: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  let from = 0;
  for (const match of text.matchAll(/<(\?|!|\/?)([\w:.-]*)([^<>]*)>/g)) {
    const [whole, mark, name = '', rest = ''] = match;
    const inside = open.at(-1) as Element;
    inside.text += text.slice(from, match.index).trim();
    from = match.index + whole.length;
    if (mark === '?' || mark === '!') continue;
    if (mark === '/') {
      if (inside === root || inside.name !== name) throw new Error(`wrote XML with </${name}> where <${inside.name}> is open`);
      inside.text = decode(inside.text);
      open.pop();
      continue;
    }
    const element: Element = { name, attributes: attributesOf(rest), children: [], text: '' };
    inside.children.push(element);
    if (rest.endsWith('/')) continue;
    if (open.length > DEPTH_MAX) throw new Error('wrote XML with too many elements within each other');
    open.push(element);
  }
  const [first] = root.children;
  if (open.length !== 1 || !first) throw new Error(`wrote XML without an end, in <${open.at(-1)?.name}>`);
  return first;
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
