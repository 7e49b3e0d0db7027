/** The fenced blocks of the documentation. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './support.ts';

/** Every page that a user reads, but for the reference, which is made from the schemas. */
export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(join(REPOSITORY, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
];

export interface DocBlock {
  /** `docs/http.md:46`. */
  readonly at: string;
  readonly page: string;
  /** Empty where none is given. */
  readonly language: string;
  readonly text: string;
}

export const BLOCKS: readonly DocBlock[] = PAGES.flatMap((page) => {
  const content = readFileSync(join(REPOSITORY, page), 'utf8');
  return [...content.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(({ 1: language = '', 2: text = '', index }) => {
    const line = content.slice(0, index).split('\n').length;
    return { at: `${page}:${line}`, page, language, text };
  });
});

export const blocksOf = (language: string, page?: string): DocBlock[] =>
  BLOCKS.filter((block) => block.language === language && (page === undefined || block.page === page));

/** A command of a block of the console, with what it is said to print. */
export interface DocCommand {
  readonly at: string;
  readonly command: string;
  readonly prints: readonly string[];
}

export const commandsOf = ({ at, text }: DocBlock): DocCommand[] =>
  text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...prints] = part.trimEnd().split('\n');
      return { at, command, prints };
    });
