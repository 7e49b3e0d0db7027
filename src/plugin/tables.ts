/**
 * Tables on their way between processes: numbers are copied as one block, and which rows there are is told when it changes.
 *
 * From a sensor's worker each table takes its place in the sample, and a layout is sent when the place's rows are other rows. To a sink's
 * worker layouts, sources and schemas have numbers; what was not sent for long is forgotten on both sides.
 */
import {
  type AnyTable,
  type Cell,
  createLayout,
  defineSchema,
  type Layout,
  type Schema,
  type Source,
  type Table,
  TideEvent,
} from '../event.ts';
import { type PlainSchema, plainSchema } from './wire.ts';

/** What one sample may weigh, in bytes: more would be copied into the service's own memory. */
const SAMPLE_BYTES_MAX = 32 * 2 ** 20;
/** Layouts, sources and schemas that a sink's worker keeps, of each. */
const KEPT_MAX = 512;

export interface PackedTable {
  /** Its place in the list of what is declared. */
  readonly schema: number;
  readonly rows: number;
  /** Absent when the rows are those of the sample before. */
  readonly cells?: readonly (readonly Cell[])[];
  readonly values: Float64Array;
  readonly absent: Uint8Array | undefined;
}

/** Packs the samples of one instance. */
export class Packer {
  readonly #schemas: readonly Schema[];
  readonly #layouts: Layout[] = [];

  /** `schemas` is what the instance declares. */
  constructor(schemas: readonly Schema[]) {
    this.#schemas = schemas;
  }

  /** Throws when a table is none that was declared, or all together are too large. */
  pack(tables: readonly AnyTable[]): PackedTable[] {
    let bytes = 0;
    const before = [...this.#layouts];
    const packed = tables.map((builder, place): PackedTable => {
      const schema = this.#indexOf(builder.schema);
      const { layout, values, absent } = builder.seal(before[place]);
      const cells = layout === before[place] ? {} : { cells: layout.attributes };
      this.#layouts[place] = layout;
      bytes += values.byteLength + layout.bytes;
      return { schema, rows: layout.rows, ...cells, values, absent };
    });
    if (bytes <= SAMPLE_BYTES_MAX) return packed;
    // Nothing is sent, so that these rows are news next time too.
    this.#layouts.splice(0, Number.POSITIVE_INFINITY, ...before);
    throw new Error(`its sample has about ${bytes} bytes, and ${SAMPLE_BYTES_MAX} are the most`);
  }

  #indexOf(schema: Schema): number {
    const same = this.#schemas.indexOf(schema);
    if (same >= 0) return same;
    const text = JSON.stringify(plainSchema(schema));
    const equal = this.#schemas.findIndex((known) => known.type === schema.type && JSON.stringify(plainSchema(known)) === text);
    if (equal < 0) throw new Error(`it sampled a table of the type "${schema.type}", which it does not declare in \`emits\``);
    return equal;
  }
}

/** The other end of a `Packer`. */
export class Unpacker {
  readonly #schemas: readonly Schema[];
  readonly #layouts: Layout[] = [];

  constructor(schemas: readonly Schema[]) {
    this.#schemas = schemas;
  }

  unpack(packed: readonly PackedTable[]): AnyTable[] {
    return packed.map(({ schema: index, rows, cells, values, absent }, place): AnyTable => {
      const schema = this.#schemas[index];
      if (cells) this.#layouts[place] = createLayout(rows, cells as Cell[][]);
      const layout = this.#layouts[place];
      if (!schema || layout?.rows !== rows || values.length !== rows * schema.fieldNames.length)
        throw new Error('its worker sent a table that is none');
      const table: Table = { schema, layout, values, absent };
      return { schema, rows, seal: () => table };
    });
  }
}

export const schemaOf = ({ type, doc, attributes, maps, fields }: PlainSchema): Schema =>
  defineSchema({ type, doc, attributes, maps: maps as never[], fields });

interface PackedEvent {
  readonly source: number;
  readonly schema: number;
  readonly layout: number;
  readonly n: number;
  readonly time: number;
  /** Whether some of its numbers are absent. */
  readonly gaps: boolean;
}

export interface PackedBatch {
  readonly events: readonly PackedEvent[];
  readonly values: Float64Array;
  /** Of events with gaps, one after the other. */
  readonly absent: Uint8Array;
  readonly sources: readonly (readonly [number, Source])[];
  readonly schemas: readonly (readonly [number, PlainSchema])[];
  readonly layouts: readonly (readonly [number, readonly (readonly Cell[])[], number])[];
  readonly forget: {
    readonly sources: readonly number[];
    readonly schemas: readonly number[];
    readonly layouts: readonly number[];
  };
}

/** Numbers for what is sent once and referred to afterwards. */
class Numbers<T extends object, S> {
  readonly #known = new Map<T, number>();
  #last = 0;
  #fresh: (readonly [number, S])[] = [];
  readonly #plain: (item: T) => S;

  constructor(plain: (item: T) => S) {
    this.#plain = plain;
  }

  of(item: T): number {
    const known = this.#known.get(item);
    const number = known ?? ++this.#last;
    if (known === undefined) this.#fresh.push([number, this.#plain(item)]);
    // What was used last is kept longest.
    else this.#known.delete(item);
    this.#known.set(item, number);
    return number;
  }

  /** What has been numbered since the last call. */
  fresh(): (readonly [number, S])[] {
    return this.#fresh.splice(0);
  }

  /** Lets go of what was not used for long; `needed` were used just now. */
  forget(needed: number): number[] {
    const forgotten: number[] = [];
    for (const [item, number] of this.#known) {
      if (this.#known.size <= Math.max(KEPT_MAX, needed)) break;
      this.#known.delete(item);
      forgotten.push(number);
    }
    return forgotten;
  }
}

/** Packs batches for the worker of one sink. */
export class BatchPacker {
  readonly #sources = new Numbers<Source, Source>((source) => ({ ...source }));
  readonly #schemas = new Numbers<Schema, PlainSchema>(plainSchema);
  readonly #layouts = new Numbers<Layout, Layout>((layout) => layout);

  pack(batch: readonly TideEvent[]): PackedBatch {
    let [numbers, gaps] = [0, 0];
    for (const { table } of batch) {
      numbers += table.values.length;
      gaps += table.absent?.length ?? 0;
    }
    const [values, absent] = [new Float64Array(numbers), new Uint8Array(gaps)];
    let [at, gapsAt] = [0, 0];
    const events = batch.map(({ source, n, time, table }): PackedEvent => {
      values.set(table.values, at);
      at += table.values.length;
      if (table.absent) absent.set(table.absent, gapsAt);
      gapsAt += table.absent?.length ?? 0;
      return {
        source: this.#sources.of(source),
        schema: this.#schemas.of(table.schema),
        layout: this.#layouts.of(table.layout),
        n,
        time,
        gaps: table.absent !== undefined,
      };
    });
    return {
      events,
      values,
      absent,
      sources: this.#sources.fresh(),
      schemas: this.#schemas.fresh(),
      layouts: this.#layouts.fresh().map(([number, { attributes, rows }]) => [number, attributes, rows] as const),
      forget: {
        sources: this.#sources.forget(batch.length),
        schemas: this.#schemas.forget(batch.length),
        layouts: this.#layouts.forget(batch.length),
      },
    };
  }
}

/** The other end of a `BatchPacker`. */
export class BatchUnpacker {
  readonly #sources = new Map<number, Source>();
  readonly #schemas = new Map<number, Schema>();
  readonly #layouts = new Map<number, Layout>();

  unpack({ events, values, absent, sources, schemas, layouts, forget }: PackedBatch): TideEvent[] {
    for (const [number, source] of sources) this.#sources.set(number, source);
    for (const [number, schema] of schemas) this.#schemas.set(number, schemaOf(schema));
    for (const [number, cells, rows] of layouts) this.#layouts.set(number, createLayout(rows, cells as Cell[][]));
    let [at, gapsAt] = [0, 0];
    const batch = events.map((event) => {
      const [source, schema, layout] = [
        this.#sources.get(event.source),
        this.#schemas.get(event.schema),
        this.#layouts.get(event.layout),
      ];
      if (!source || !schema || !layout) throw new Error('a batch refers to what was not sent');
      const length = layout.rows * schema.fieldNames.length;
      const own = values.subarray(at, at + length);
      at += length;
      const gaps = event.gaps ? absent.subarray(gapsAt, gapsAt + length) : undefined;
      if (event.gaps) gapsAt += length;
      return new TideEvent(source, event.n, event.time, { schema, layout, values: own, absent: gaps });
    });
    for (const number of forget.sources) this.#sources.delete(number);
    for (const number of forget.schemas) this.#schemas.delete(number);
    for (const number of forget.layouts) this.#layouts.delete(number);
    return batch;
  }
}
