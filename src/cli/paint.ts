/** Colours, only on a terminal that wants them. https://no-color.org */
import { styleText } from 'node:util';

export interface Paint {
  /** Whether there are any. */
  readonly colours: boolean;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly green: (text: string) => string;
}

const plain = (text: string): string => text;

/** Colours for this stream: none when it is no terminal, when `NO_COLOR` is set and not empty, or on a dumb one. */
export function paintFor(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env): Paint {
  const wanted = stream.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  if (!wanted) return { colours: false, dim: plain, bold: plain, red: plain, yellow: plain, green: plain };
  const style = (format: 'dim' | 'bold' | 'red' | 'yellow' | 'green') => (text: string) =>
    styleText(format, text, { validateStream: false });
  return {
    colours: true,
    dim: style('dim'),
    bold: style('bold'),
    red: style('red'),
    yellow: style('yellow'),
    green: style('green'),
  };
}
