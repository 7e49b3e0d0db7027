/** YAML's syntax errors as mistakes that say what to do. */
import * as yaml from 'yaml';
import type { Findings, Source } from './mistake.ts';

const QUOTE = 'put the text in quotes';

/** What to say of an error, by the parser's code. Where `what` is absent the parser's own words are good. */
const ADVICE: Readonly<Record<string, { what?: string; hint?: string }>> = {
  TAB_AS_INDENT: { what: 'a tab indents this line', hint: 'indent with spaces' },
  BAD_INDENT: { hint: 'what belongs together begins in the same column' },
  BLOCK_AS_IMPLICIT_KEY: {
    what: 'a second ": " in one line, or a line that is indented too far',
    hint: 'put a text that holds ": " in quotes, or correct the indentation',
  },
  MULTILINE_IMPLICIT_KEY: {
    what: 'a name goes on over the end of its line',
    hint: 'end the name with a ":", or correct the indentation',
  },
  BAD_SCALAR_START: { hint: QUOTE },
  BAD_DQ_ESCAPE: { hint: 'use single quotes, in which a backslash is a backslash' },
  TAG_RESOLVE_FAILED: { hint: 'remove the tag: texts, numbers, true and false need none' },
};
/** After these the file's structure is what its author meant, so that the rest of it can be checked. */
const HARMLESS: ReadonlySet<string> = new Set(['BAD_DQ_ESCAPE', 'BAD_SCALAR_START', 'TAG_RESOLVE_FAILED']);

/** Tells the lines that tabs indent. */
export function tellTabs(document: yaml.Document.Parsed, source: Source, findings: Findings): void {
  for (const error of document.errors) if (error.code === 'TAB_AS_INDENT') tell(error, document, source, findings);
}

/** Tells each error, one a line: the others there follow from the first. Returns whether the structure can be relied on. */
export function syntaxMistakes(document: yaml.Document.Parsed, source: Source, findings: Findings): boolean {
  const errors = [...document.errors, ...document.warnings];
  const lines = new Map<number, yaml.YAMLError>();
  for (const error of errors) {
    const { line } = source.lines.linePos(error.pos[0]);
    // This one says more precisely what the parser says first.
    if (!lines.has(line) || error.code === 'MULTILINE_IMPLICIT_KEY') lines.set(line, error);
  }
  for (const error of lines.values()) tell(error, document, source, findings);
  return errors.every((error) => HARMLESS.has(error.code));
}

function tell(error: yaml.YAMLError, document: yaml.Document.Parsed, source: Source, findings: Findings): void {
  const advice = ADVICE[error.code];
  let [[start, end], what, hint] = [error.pos, advice?.what ?? said(error.message), advice?.hint];
  if (error.code === 'MISSING_CHAR' && error.message.includes('quote')) {
    start = openingQuote(document, source, start);
    end = start + 1;
    what = 'this quote is never closed';
    hint = 'end the text with the same quote';
  } else if (error.code === 'UNEXPECTED_TOKEN' && source.text.slice(0, start).endsWith('$')) {
    start--;
    what = '${ begins a mapping here';
    hint = 'within { } and [ ] put a text with ${…} in quotes';
  }
  findings.syntax({ source, start, end }, what, hint);
}

/** Where the text begins that the end of the file interrupts. */
function openingQuote(document: yaml.Document.Parsed, source: Source, end: number): number {
  let start = end;
  yaml.visit(document, {
    Scalar: (_key, node) => {
      const quoted = node.type === yaml.Scalar.QUOTE_DOUBLE || node.type === yaml.Scalar.QUOTE_SINGLE;
      if (quoted && node.range && node.range[1] >= end) start = node.range[0];
    },
  });
  return start === source.text.length ? end : start;
}

const said = (message: string): string => `this is not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
