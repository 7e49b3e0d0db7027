/** Turns the tables of one sensor instance into numbered events. */
import {
  type AnyTable,
  createLayout,
  createSource,
  type LabelMap,
  type Layout,
  rowsThatFit,
  type Source,
  type Table,
  TideEvent,
} from './event.ts';

/** Attributes that tell in words what went wrong. */
const WORDS: ReadonlySet<string> = new Set(['error.message', 'reason']);

export class Publisher {
  readonly #source: Source;
  readonly #maxBytes: number;
  readonly #publish: (event: TideEvent) => void;
  /** The layout of each table of the last sample, by its place in the sample. */
  readonly #layouts: Layout[] = [];
  readonly #cuts = new WeakMap<Layout, readonly Layout[]>();
  /** The source with the labels of each target. */
  readonly #targets = new WeakMap<LabelMap, Source>();
  readonly #redact: (text: string) => string;
  /** Layouts whose words hold a secret, by what the sample said. */
  readonly #clean = new WeakMap<Layout, Layout>();
  #n = 0;

  /** `maxBytes` is the largest estimated size of an event; a table above it is cut by rows. `published` is how many events the source had before; `redact` hides secrets. */
  constructor(
    source: Source,
    maxBytes: number,
    publish: (event: TideEvent) => void,
    published = 0,
    redact: (text: string) => string = (text) => text,
  ) {
    this.#source = createSource(source);
    this.#maxBytes = maxBytes;
    this.#publish = publish;
    this.#n = published;
    this.#redact = redact;
  }

  /** How many events this source has published, those before this publisher included. */
  get published(): number {
    return this.#n;
  }

  /**
   * Publishes the tables of one sample; `time` is when it began, Unix time in milliseconds. `labels` are those of a target, beside the source's;
   * `traceparent` is the sample's trace context, where it is traced.
   * Returns the number of events.
   */
  publish(tables: readonly AnyTable[], time: number, labels?: LabelMap, traceparent?: string): number {
    const before = this.#n;
    const source = labels === undefined ? this.#source : this.#withLabels(labels);
    tables.forEach((builder, place) => {
      const sealed = builder.seal(this.#layouts[place]);
      this.#layouts[place] = sealed.layout;
      const table = this.#withoutSecrets(sealed);
      const event = new TideEvent(source, this.#n + 1, time, table, traceparent);
      if (event.bytes <= this.#maxBytes || table.layout.rows < 2) {
        this.#n++;
        this.#publish(event);
      } else {
        for (const part of this.#cut(table)) this.#publish(new TideEvent(source, ++this.#n, time, part, traceparent));
      }
    });
    return this.#n - before;
  }

  #withLabels(labels: LabelMap): Source {
    const known = this.#targets.get(labels);
    if (known) return known;
    const source = createSource({ ...this.#source, labels: { ...this.#source.labels, ...labels } });
    this.#targets.set(labels, source);
    return source;
  }

  /** A server or a tool that says what went wrong may repeat what it was sent: that leaves in no event. */
  #withoutSecrets(table: Table): Table {
    const { schema, layout } = table;
    if (!schema.attributes.some((name) => WORDS.has(name))) return table;
    let clean = this.#clean.get(layout);
    if (!clean) {
      const cells = layout.attributes.map((column, a) =>
        WORDS.has(schema.attributes[a] ?? '')
          ? column.map((cell) => (typeof cell === 'string' ? this.#redact(cell) : cell))
          : [...column],
      );
      const same = cells.every((column, a) => column.every((cell, r) => cell === layout.attributes[a]?.[r]));
      clean = same ? layout : createLayout(layout.rows, cells);
      this.#clean.set(layout, clean);
    }
    return clean === layout ? table : { ...table, layout: clean };
  }

  #cut(table: Table): Table[] {
    const { layout, schema, values, absent } = table;
    const parts = this.#cutLayout(layout, schema.fieldNames.length);
    let first = 0;
    return parts.map((part) => {
      const from = first;
      first += part.rows;
      return {
        schema,
        layout: part,
        values: slice(values, layout.rows, from, part.rows),
        absent: absent && slice(absent, layout.rows, from, part.rows),
      };
    });
  }

  /** The same layouts for the same rows, so that what encoders keep for a layout serves its parts too. */
  #cutLayout(layout: Layout, fields: number): readonly Layout[] {
    const known = this.#cuts.get(layout);
    if (known) return known;
    const parts: Layout[] = [];
    for (let from = 0; from < layout.rows; ) {
      const rows = rowsThatFit(layout, fields, from, this.#maxBytes);
      const cells = layout.attributes.map((column) => column.slice(from, from + rows));
      parts.push(createLayout(rows, cells));
      from += rows;
    }
    this.#cuts.set(layout, parts);
    return parts;
  }
}

/** Rows `from` to `from + count` of every column. */
function slice<T extends Float64Array | Uint8Array>(columns: T, rows: number, from: number, count: number): T {
  const fields = columns.length / rows;
  const out = new (columns.constructor as new (length: number) => T)(count * fields);
  for (let f = 0; f < fields; f++) out.set(columns.subarray(f * rows + from, f * rows + from + count), f * count);
  return out;
}
