/**
 * NVIDIA GPUs, from one `nvidia-smi` that writes a row for each GPU at every `-l`, and a second one that writes all it knows as XML, seldom.
 *
 * Rows are read when they come and kept by UUID; a sample takes what is there. What is older than three intervals and a margin is no longer true: a GPU
 * that fell off the bus has no row, and a tool that hangs has none at all.
 */
import { type Clock, systemClock } from '../clock.ts';
import { runTool } from '../tool/once.ts';
import { Poll } from '../tool/poll.ts';
import type { Command } from '../tool/process.ts';
import { type Reader, ToolStream } from '../tool/stream.ts';
import { Columns, type Plan, parseHelp, readRow } from './nvidia-columns.ts';
import { type Details, parseDetails } from './nvidia-details.ts';
import type { Reading, Source } from './reading.ts';

/** A longer line is no row, and a larger document no answer, in characters. */
const LINE_MAX = 65_536;
const DOCUMENT_MAX = 16 * 2 ** 20;
/** GPUs of one machine; more UUIDs than that is a tool gone mad. */
const GPUS_MAX = 256;
const HELP_MS = 4000;
/** Without persistence mode the driver wakes every GPU for the tool, which takes some seconds each. In milliseconds. */
const FIRST_MS = 30_000;
/** Beside three intervals: a busy machine is no dead driver. In milliseconds. */
const MARGIN_MS = 5000;
/** Columns that may turn out to be unknown though the help lists them. */
const UNKNOWN_MAX = 16;

export interface NvidiaOptions {
  readonly tool: string;
  /** How often it writes, in milliseconds. */
  readonly intervalMs: number;
  /** How often it writes its details, in milliseconds; 0 for never. */
  readonly detailsMs: number;
  readonly clock?: Clock;
}

const loop = (ms: number): string[] => (ms % 1000 === 0 ? ['-l', `${ms / 1000}`] : ['-lms', `${ms}`]);
export const staleAfter = (intervalMs: number): number => 3 * intervalMs + MARGIN_MS;

/** Bytes a second of each NVLink that is up, by number, by UUID. */
type Links = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** `nvidia-smi nvlink -s`: a line for each GPU, and below it `Link 0: 26.562 GB/s` for each link; other words are left out. */
export function parseLinks(text: string): Links {
  const gpus = new Map<string, Map<string, number>>();
  let uuid = '';
  for (const line of text.split('\n')) {
    uuid = /^GPU .*\(UUID: ([\w-]+)\)/.exec(line)?.[1] ?? uuid;
    const [, link, speed] = /^\s+Link (\d+): ([\d.]+) GB\/s/.exec(line) ?? [];
    if (uuid === '' || link === undefined) continue;
    const links = gpus.get(uuid) ?? new Map<string, number>();
    gpus.set(uuid, links.set(link, Number(speed) * 1e9));
  }
  return gpus;
}

/** Rows of CSV by UUID. */
export class Rows implements Reader {
  readonly #columns: Columns;
  readonly #clock: Clock;
  readonly #rows = new Map<string, { readonly reading: Reading; readonly at: number }>();
  #plan: Plan | undefined;
  #unfinished = '';
  /** What is wrong with the last line that is no row, until the next round is right. */
  fault: string | undefined;

  constructor(columns: Columns, clock: Clock) {
    this.#columns = columns;
    this.#clock = clock;
  }

  start(): void {
    this.#plan = undefined;
    this.#unfinished = '';
    this.fault = undefined;
  }

  feed(text: string): boolean {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop() ?? '';
    if (this.#unfinished.length > LINE_MAX) throw new Error('wrote a line without an end');
    let rows = 0;
    let wrong: string | undefined;
    for (const raw of lines) {
      const line = raw.trimEnd();
      if (line === '') continue;
      if (this.#plan === undefined || this.#isHeader(line)) this.#plan = this.#planOf(line);
      else if (this.#take(this.#plan, line)) rows++;
      else wrong = `nvidia-smi wrote a line that is no row below its header: ${JSON.stringify(line.slice(0, 160))}`;
    }
    if (rows > 0 || wrong !== undefined) this.fault = wrong;
    return rows > 0;
  }

  /** Readings that are not older than `maxAgeMs`, in the order in which the GPUs are listed. */
  fresh(maxAgeMs: number): Reading[] {
    const since = this.#clock.monotonic() - maxAgeMs;
    for (const [uuid, { at }] of this.#rows) if (at < since) this.#rows.delete(uuid);
    return [...this.#rows.values()].map(({ reading }) => reading);
  }

  /** Words before the header are the driver's, and no reading: a header has every column that was asked for, a sentence has not. */
  #planOf(line: string): Plan | undefined {
    return this.#isHeader(line) ? this.#columns.plan(line) : undefined;
  }

  #isHeader(line: string): boolean {
    return line.includes('uuid') && line.includes(', ') && !/GPU-[0-9a-f]{8}/.test(line);
  }

  #take(plan: Plan, line: string): boolean {
    const cells = line.split(', ');
    const uuid = cells[plan.uuid];
    if (cells.length !== plan.columns || uuid === undefined || uuid === '' || uuid.startsWith('[')) return false;
    if (this.#rows.size >= GPUS_MAX && !this.#rows.has(uuid)) throw new Error(`wrote rows of more than ${GPUS_MAX} GPUs`);
    this.#rows.set(uuid, { reading: readRow(plan, cells), at: this.#clock.monotonic() });
    return true;
  }
}

/** Documents one after the other, each ended by `</nvidia_smi_log>`. */
class Documents implements Reader {
  #text = '';
  latest: Details | undefined;

  start(): void {
    this.#text = '';
    this.latest = undefined;
  }

  feed(text: string): boolean {
    this.#text += text;
    const END = '</nvidia_smi_log>';
    let read = false;
    for (let end = this.#text.indexOf(END); end >= 0; end = this.#text.indexOf(END)) {
      const document = this.#text.slice(0, end + END.length);
      this.#text = this.#text.slice(end + END.length);
      this.latest = parseDetails(document);
      read = true;
    }
    if (this.#text.length > DOCUMENT_MAX) throw new Error('wrote XML without an end');
    return read;
  }
}

export class Nvidia implements Source {
  readonly #options: NvidiaOptions;
  readonly #rows: Rows;
  readonly #documents = new Documents();
  readonly #stream: ToolStream;
  #details: ToolStream | undefined;
  #links: Poll<Links> | undefined;

  /** Starts the tool and waits for its first rows. Rejects when it ends without any, which is the tool's word on what is missing. */
  static async open(options: NvidiaOptions): Promise<Nvidia> {
    const clock = options.clock ?? systemClock;
    const help = await runTool([options.tool, '--help-query-gpu'], { timeoutMs: HELP_MS, clock });
    const source = new Nvidia(options, new Columns(parseHelp(help.output)), clock);
    const why = await source.#stream.first;
    if (why === undefined) return source;
    source.close();
    throw new Error(why);
  }

  private constructor(options: NvidiaOptions, columns: Columns, clock: Clock) {
    this.#options = options;
    this.#rows = new Rows(columns, clock);
    const { tool, intervalMs, detailsMs } = options;
    let asked = columns.asked;
    const command = (): Command => [tool, `--query-gpu=${asked.join(',')}`, '--format=csv', ...loop(intervalMs)];
    let unknown = 0;
    this.#stream = new ToolStream({
      command: command(),
      reader: this.#rows,
      silenceMs: staleAfter(intervalMs),
      firstMs: FIRST_MS,
      clock,
      onEnd: (said) => {
        // One column that it does not know fails the whole query, and names the column.
        const [, name = ''] = /Field "([\w.]+)" is not a valid field/.exec(said) ?? [];
        if (!asked.includes(name) || name === 'uuid' || ++unknown > UNKNOWN_MAX) return undefined;
        asked = asked.filter((column) => column !== name);
        return command();
      },
    });
    void this.#stream.first.then((why) => {
      if (why !== undefined || detailsMs === 0) return;
      const details: Command = [tool, '-q', '-x', ...loop(detailsMs)];
      this.#details = new ToolStream({ command: details, reader: this.#documents, silenceMs: staleAfter(detailsMs), clock });
      this.#links = new Poll({ command: [tool, 'nvlink', '-s'], everyMs: detailsMs, parse: parseLinks, clock });
    });
  }

  read(): readonly Reading[] {
    const readings = this.#rows.fresh(staleAfter(this.#options.intervalMs));
    const details = this.#details?.fault === undefined ? this.#documents.latest : undefined;
    const links = this.#links?.latest;
    for (const { id, links: up } of readings) for (const [link, speed] of links?.get(id) ?? []) up.set(link, speed);
    // Most machines have none, and are not asked again.
    if (links?.size === 0) this.#links?.stop();
    if (!details) return readings;
    for (const reading of readings) addDetails(reading, details.gpus.get(reading.id));
    return [...readings, ...details.shares];
  }

  fault(): string | undefined {
    const details = this.#details?.fault;
    return this.#stream.fault ?? this.#rows.fault ?? (details && `the details: ${details}`);
  }

  close(): void {
    this.#stream.stop();
    this.#details?.stop();
    this.#links?.stop();
  }
}

/** A column is newer than the details, so that it stands where both tell. */
function addDetails(reading: Reading, more: Reading | undefined): void {
  if (!more) return;
  for (const [name, value] of Object.entries(more.numbers)) reading.numbers[name as keyof typeof more.numbers] ??= value;
  for (const [limit, value] of more.temperatureLimits) reading.temperatureLimits.set(limit, value);
  for (const [direction, value] of more.io) reading.io.set(direction, value);
  if (reading.errors.size === 0) for (const [type, value] of more.errors) reading.errors.set(type, value);
  reading.processes = more.processes;
}
