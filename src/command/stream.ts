/**
 * A command that runs all the time and is read line by line.
 *
 * States: running; waiting, after it has ended, for a delay that doubles each time; closed. What it printed since the sample before makes the
 * tables of a sample, so that nothing is told twice and what says nothing has no table. Half a line at its end is left out.
 *
 * Limits: a line, `max_output`; records that wait, `max_rows`, of which the oldest give way.
 */
import type { Clock } from '../clock.ts';
import { describe } from '../errors.ts';
import { Mapping } from '../json/mapping.ts';
import { ObjectSplitter } from '../json/objects.ts';
import { formatDuration } from '../options.ts';
import { LineSplitter } from './lines.ts';
import { CLOSE_GRACE_MS } from './once.ts';
import { type CommandOptions, ROWED, tablesOf } from './options.ts';
import { type Ending, ProcessGroup, type Recipe } from './process-group.ts';
import { RecordReader } from './records.ts';
import { type CommandResult, type CommandSampler, type Failure, failureOf, noCounts } from './result.ts';

export class StreamSampler implements CommandSampler {
  readonly #given: CommandOptions;
  readonly #recipe: Recipe;
  readonly #clock: Clock;
  readonly #mapping: Mapping;
  readonly #counts = noCounts();
  readonly #splitter: LineSplitter | ObjectSplitter;
  #reader: RecordReader;
  #group: ProcessGroup | undefined;
  #closed = false;
  #delay: number;
  #cancelRestart: () => void = () => {};
  #cancelSilence: () => void = () => {};
  /** By the key's columns, or by the number of the record where all are taken. */
  #records = new Map<string, object>();
  #size = 0;
  #status: number | undefined;
  /** Why it does not run, as long as it does not. */
  #failure: Failure | undefined;
  #hung: Failure | undefined;
  #unreadable: string | undefined;

  constructor(given: CommandOptions, recipe: Recipe, clock: Clock) {
    this.#given = given;
    this.#recipe = recipe;
    this.#clock = clock;
    this.#mapping = new Mapping(tablesOf(given), given.max_rows);
    const Splitter = given.format === 'json_objects' ? ObjectSplitter : LineSplitter;
    this.#splitter = new Splitter(given.max_output, (record) => this.#take(record));
    this.#reader = new RecordReader(given);
    this.#delay = given.restart.initial;
    this.#begin();
  }

  sample(_signal: AbortSignal, time: number): Promise<CommandResult> {
    const records = [...this.#records.values()];
    const document = this.#document(records);
    const failure =
      this.#failure ?? (this.#unreadable === undefined ? undefined : { kind: 'format' as const, message: this.#unreadable });
    const result: CommandResult = {
      up: failure === undefined,
      running: this.#group !== undefined,
      status: this.#status,
      duration: this.#group?.duration,
      size: this.#size,
      failure,
      counts: { ...this.#counts, discarded: this.#counts.discarded + this.#splitter.overlong },
      filled: records.length > 0 ? this.#mapping.fill(document, time / 1000) : [],
      nagios: undefined,
      samples: undefined,
    };
    this.#records = new Map();
    this.#size = 0;
    this.#status = undefined;
    this.#unreadable = undefined;
    return Promise.resolve(result);
  }

  #document(records: readonly object[]): unknown {
    const { format } = this.#given;
    if (ROWED.has(format)) return records;
    return format === 'json' ? records.at(-1) : Object.assign({}, ...records);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRestart();
    this.#cancelSilence();
    await this.#group?.end(Math.min(this.#given.grace, CLOSE_GRACE_MS));
  }

  #begin(): void {
    if (this.#closed) return;
    this.#failure = undefined;
    this.#hung = undefined;
    this.#reader = new RecordReader(this.#given);
    const group = new ProcessGroup(this.#recipe, this.#clock, (bytes) => {
      this.#size += bytes.length;
      this.#listen(group);
      this.#splitter.write(bytes);
    });
    this.#group = group;
    this.#listen(group);
    void group.ended.then((ending) => this.#ended(ending));
  }

  /** It has said something, or has just begun: its silence is reckoned from now. */
  #listen(group: ProcessGroup): void {
    const { silence } = this.#given;
    if (silence === undefined || this.#closed) return;
    this.#cancelSilence();
    this.#cancelSilence = this.#clock.after(silence, () => {
      this.#counts.timeouts++;
      this.#hung = { kind: 'silence', message: `it has said nothing for ${formatDuration(silence)} and was ended` };
      void group.end();
    });
  }

  #ended(ending: Ending): void {
    this.#cancelSilence();
    this.#group = undefined;
    this.#counts.runs++;
    this.#status = ending.status;
    if (this.#splitter.reset()) this.#counts.discarded++;
    if (this.#closed) return;
    this.#counts.failures++;
    const { initial, max } = this.#given.restart;
    // One that ran for long has another reason to end than the one before.
    if (ending.duration * 1000 > max) this.#delay = initial;
    const why = this.#hung ?? failureOf(ending, []) ?? { kind: 'ended', message: 'it has ended' };
    this.#failure = { kind: why.kind === 'status' ? 'ended' : why.kind, message: `${why.message}; begun anew after a while` };
    this.#cancelRestart = this.#clock.after(this.#delay, () => this.#begin());
    this.#delay = Math.min(max, this.#delay * 2);
  }

  #take(line: string): void {
    const { records, key, max_rows: most, format } = this.#given;
    try {
      const record = this.#reader.read(line);
      if (record === undefined) return;
      this.#counts.records++;
      // Pairs are columns of one record, line by line.
      const name =
        records === 'all'
          ? String(this.#counts.records)
          : format === 'pairs'
            ? (Object.keys(record)[0] as string)
            : JSON.stringify(key.map((column) => (record as Record<string, unknown>)[column]));
      this.#records.delete(name);
      this.#records.set(name, record);
      if (this.#records.size <= most) return;
      this.#records.delete(this.#records.keys().next().value as string);
      this.#counts.discarded++;
    } catch (error) {
      this.#counts.discarded++;
      this.#unreadable ??= describe(error);
    }
  }
}
