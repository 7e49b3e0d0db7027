/** Prometheus text or OpenMetrics as records: a row for each series, with its labels as a map. */
import { describe } from '../errors.ts';
import type { LabelMap } from '../event.ts';
import { PageReader } from '../exposition/reader.ts';
import { PADDING } from '../exposition/series.ts';

export interface Sample {
  readonly name: string;
  readonly labels: LabelMap;
  readonly kind: string;
  readonly value: number;
  /** Unix time in seconds, where the text gives one. */
  readonly timestamp: number | undefined;
}

/** How OpenMetrics ends. */
const END = /^# EOF\s*$/m;

/** Throws with file-like places for what is no such text. */
export function parseSamples(text: string): Sample[] {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.alloc(length + PADDING);
  bytes.write(text);
  try {
    const { page, values } = new PageReader().read(bytes, length, [], { openMetrics: END.test(text) });
    const { rows, attributes } = page.layout;
    const [names, labels, kinds] = attributes as [string[], LabelMap[], string[]];
    return Array.from({ length: rows }, (_, row) => ({
      name: names[row] as string,
      labels: labels[row] as LabelMap,
      kind: kinds[row] as string,
      value: values[row] as number,
      timestamp: page.timed && !page.absent?.[rows + row] ? values[rows + row] : undefined,
    }));
  } catch (error) {
    throw new Error(`its output is no Prometheus text: ${describe(error)}`, { cause: error });
  }
}
