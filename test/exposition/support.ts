/** What tests of the exposition formats share: pages from texts, rows as plain values. */
import type { LabelMap } from '../../src/event.ts';
import type { Page } from '../../src/exposition/page.ts';
import { PageReader, type Reading, type ReadOptions } from '../../src/exposition/reader.ts';
import { strictRules } from '../../src/exposition/rules.ts';
import { PADDING } from '../../src/exposition/series.ts';

const shared = new PageReader();

/** A body with the room behind it that a reader needs. */
export function bodyOf(page: string | Buffer): { body: Buffer; length: number } {
  const bytes = Buffer.from(page);
  return { body: Buffer.concat([bytes, Buffer.alloc(PADDING)]), length: bytes.length };
}

/** Reads a page; `strict` with every rule of its format. */
export function read(
  page: string | Buffer,
  options: Partial<ReadOptions> & { strict?: boolean; before?: readonly Page[]; reader?: PageReader } = {},
): Reading {
  const { openMetrics = false, strict = false, before = [], reader = shared, ...rest } = options;
  const { body, length } = bodyOf(page);
  return reader.read(body, length, before, { openMetrics, rules: strict ? strictRules(openMetrics) : undefined, ...rest });
}

export interface Sample {
  name: string;
  labels: LabelMap;
  kind: string;
  value: number;
  /** Unix time in seconds, where the page gave one. */
  timestamp?: number;
}

/** The rows of a reading. */
export function samplesOf({ page, values }: Reading): Sample[] {
  const { layout, timed, absent } = page;
  const [names, labels, kinds] = layout.attributes as [string[], LabelMap[], string[]];
  return names.map((name, row) => ({
    name,
    labels: labels[row] as LabelMap,
    kind: kinds[row] as string,
    value: values[row] as number,
    ...(timed && !absent?.[layout.rows + row] ? { timestamp: values[layout.rows + row] as number } : {}),
  }));
}

export const samples = (page: string | Buffer, options?: Parameters<typeof read>[1]): Sample[] => samplesOf(read(page, options));
