/** Lines of styled text. What they hold has gone through `shown`, so that the only escapes are ours. */
import { cut, type Signs, widthOf } from './text.ts';

/** Select Graphic Rendition, ECMA-48 8.3.117. */
const STYLES = { plain: '', dim: '2', bold: '1', red: '1;31', yellow: '33', green: '32' } as const;
export type Style = keyof typeof STYLES;

export interface Span {
  readonly text: string;
  readonly style: Style;
}
export type Line = readonly Span[];

export const span = (text: string, style: Style = 'plain'): Span => ({ text, style });

export const lineWidth = (line: Line): number => line.reduce((sum, { text }) => sum + widthOf(text), 0);

/** The line within so many columns. */
export function cutLine(line: Line, columns: number, signs: Signs): Line {
  if (lineWidth(line) <= columns) return line;
  const kept: Span[] = [];
  let left = columns;
  for (const { text, style } of line) {
    // The mark of the cut stands for all that follows, so that one column is left for it.
    const whole = widthOf(text) < left;
    const part = whole ? text : cut(`${text} `, left, signs);
    kept.push({ text: part, style });
    left -= widthOf(part);
    if (!whole) break;
  }
  return kept;
}

/** As it is written, without blanks at its end. */
export function lineText(line: Line, colours: boolean): string {
  if (!colours)
    return line
      .map(({ text }) => text)
      .join('')
      .trimEnd();
  return line
    .map(({ text, style }) => (STYLES[style] === '' || text === '' ? text : `\x1b[${STYLES[style]}m${text}\x1b[0m`))
    .join('');
}
