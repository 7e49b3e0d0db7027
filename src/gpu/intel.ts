/**
 * Intel GPUs: what sysfs tells, and beside it one long-lived `xpu-smi dump` (data centre cards) or `intel_gpu_top -J` (the others), where there is one.
 * The kernel has no file that says how busy an Intel GPU is; the counters behind these tools are for root or CAP_PERFMON.
 */
import { type Clock, systemClock } from '../clock.ts';
import { ObjectSplitter } from '../json/objects.ts';
import type { Command } from '../tool/process.ts';
import { type Reader, ToolStream } from '../tool/stream.ts';
import { cellNumber } from './cell.ts';
import { staleAfter } from './nvidia.ts';
import { type Process, Reading, type Source } from './reading.ts';
import type { SysfsCard } from './sysfs.ts';

/** An object longer than this has no end, in characters. */
const OBJECT_MAX = 4 * 2 ** 20;
const PROCESSES_MAX = 256;
/** GPU utilization, power, frequency, core and memory temperature, energy, memory used, engines by kind. */
const XPU_METRICS = '0,1,2,3,4,8,17,18,22,23,24,25,26';

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
/** Numbers are texts in some versions. */
const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : typeof value === 'string' ? cellNumber(value) : undefined;

const textOf = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? `${value}` : '');

/** Task of each kind of engine. */
const ENGINES: Readonly<Record<string, string>> = {
  'Render/3D': 'general',
  Video: 'video',
  VideoEnhance: 'video_enhance',
  Blitter: 'copy',
  Compute: 'compute',
};

/** One object of `intel_gpu_top -J`. Several engines of a kind (`Video/0`, `Video/1`) are averaged. */
function parseTop(text: string): Reading {
  const object = record(JSON.parse(text));
  const reading = new Reading('Intel', '', '');
  const engines = new Map<string, number[]>();
  for (const [name, engine] of Object.entries(record(object['engines']))) {
    const kind = name.replace(/\/\d+$/, '');
    const busy = numberOf(record(engine)['busy']);
    if (busy !== undefined) engines.set(kind, [...(engines.get(kind) ?? []), busy]);
  }
  for (const [kind, busy] of engines)
    reading.tasks.set(ENGINES[kind] ?? kind.toLowerCase(), busy.reduce((sum, one) => sum + one, 0) / busy.length / 100);
  const mhz = numberOf(record(object['frequency'])['actual']);
  if (mhz !== undefined) reading.clocks.set('graphics', { now: mhz * 1e6 });
  reading.power = numberOf(record(object['power'])['GPU']);
  const clients = object['clients'];
  if (clients !== undefined) reading.processes = Object.values(record(clients)).slice(0, PROCESSES_MAX).map(clientOf);
  return reading;
}

function clientOf(value: unknown): Process {
  const client = record(value);
  const busy = Object.values(record(client['engine-classes'])).map((engine) => numberOf(record(engine)['busy']) ?? 0);
  const resident = Object.values(record(client['memory'])).map((region) => numberOf(record(region)['resident']) ?? 0);
  return {
    pid: textOf(client['pid']),
    name: textOf(client['name']),
    kind: '',
    memory: resident.length > 0 ? resident.reduce((sum, one) => sum + one, 0) : undefined,
    utilization: busy.length > 0 ? Math.max(...busy) / 100 : undefined,
  };
}

class Top implements Reader {
  latest: Reading[] = [];
  #objects = new ObjectSplitter(OBJECT_MAX, () => {});
  #count = 0;

  start(): void {
    this.latest = [];
    this.#count = 0;
    this.#objects = new ObjectSplitter(OBJECT_MAX, (text) => {
      const reading = parseTop(text);
      // The first covers the microseconds since it started.
      if (this.#count++ > 0) this.latest = [reading];
    });
  }

  feed(text: string): boolean {
    const before = this.#count;
    this.#objects.feed(text);
    if (this.#objects.overlong > 0) throw new Error('wrote an object without an end');
    return this.#count > before;
  }
}

type XpuPut = (reading: Reading, value: number) => void;
const XPU: Readonly<Record<string, XpuPut>> = {
  'GPU Utilization (%)': (reading, value) => void reading.tasks.set('general', value / 100),
  'GPU Power (W)': (reading, value) => void (reading.power = value),
  'GPU Frequency (MHz)': (reading, value) => void reading.clocks.set('graphics', { now: value * 1e6 }),
  'GPU Core Temperature (C)': (reading, value) => void reading.temperatures.set('gpu', value),
  'GPU Core Temperature (Celsius Degree)': (reading, value) => void reading.temperatures.set('gpu', value),
  'GPU Memory Temperature (C)': (reading, value) => void reading.temperatures.set('memory', value),
  'GPU Memory Temperature (Celsius Degree)': (reading, value) => void reading.temperatures.set('memory', value),
  'GPU Energy Consumed (J)': (reading, value) => void (reading.energy = value),
  'GPU Memory Bandwidth Utilization (%)': (reading, value) => void (reading.numbers['memory.activity'] = value / 100),
  'GPU Memory Used (MiB)': (reading, value) => void (reading.numbers['memory.usage'] = value * 2 ** 20),
  'Compute engine group utilization (%)': (reading, value) => void reading.tasks.set('compute', value / 100),
  'Media engine group utilization (%)': (reading, value) => void reading.tasks.set('video', value / 100),
  'Copy engine group utilization (%)': (reading, value) => void reading.tasks.set('copy', value / 100),
};

/** Rows of `xpu-smi dump`, by device: `06:14:46.000,    0, 0.00, , 12`. */
class XpuRows implements Reader {
  readonly latest = new Map<string, Reading>();
  #columns: readonly string[] | undefined;
  #unfinished = '';

  start(): void {
    this.latest.clear();
    this.#columns = undefined;
    this.#unfinished = '';
  }

  feed(text: string): boolean {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop() ?? '';
    if (this.#unfinished.length > 65_536) throw new Error('wrote a line without an end');
    return lines.map((line) => this.#take(line)).includes(true);
  }

  #take(line: string): boolean {
    const cells = line.split(',').map((cell) => cell.trim());
    if (cells.includes('DeviceId')) this.#columns = cells;
    else if (this.#columns && cells.length === this.#columns.length) {
      const device = cells[this.#columns.indexOf('DeviceId')] as string;
      if (!/^\d{1,3}$/.test(device)) return false;
      const reading = new Reading('Intel', device, '');
      for (const [i, column] of this.#columns.entries()) {
        const value = cellNumber(cells[i]);
        if (value !== undefined) XPU[column]?.(reading, value);
      }
      this.latest.set(device, reading);
      return true;
    }
    return false;
  }
}

export interface IntelTool {
  readonly kind: 'xpu-smi' | 'intel_gpu_top';
  readonly path: string;
}

export interface IntelOptions {
  /** How often the tool writes, in milliseconds. */
  readonly intervalMs: number;
  /** How long its first reading is waited for, in milliseconds. */
  readonly openMs: number;
  readonly clock?: Clock;
}

export class Intel implements Source {
  readonly #cards: readonly SysfsCard[];
  readonly #stream: ToolStream | undefined;
  readonly #latest: () => ReadonlyMap<string, Reading>;

  /** Resolves when the tool, if there is one, has given its first reading or failed, or after `openMs`: it may be asked to write seldom. */
  static async open(
    cards: readonly SysfsCard[],
    tool: IntelTool | undefined,
    { intervalMs, openMs, clock = systemClock }: IntelOptions,
  ): Promise<Intel> {
    const source = new Intel(cards, tool, intervalMs, clock);
    const cancel = clock.after(openMs, () => source.#stream?.giveUp(`gave no reading within ${openMs / 1000} s`));
    await source.#stream?.first;
    cancel();
    return source;
  }

  private constructor(cards: readonly SysfsCard[], tool: IntelTool | undefined, intervalMs: number, clock: Clock) {
    this.#cards = cards;
    const [top, xpu] = [new Top(), new XpuRows()];
    const isXpu = tool?.kind === 'xpu-smi';
    this.#latest = () => (isXpu ? xpu.latest : new Map(top.latest.map((reading) => ['0', reading])));
    if (!tool) return;
    const seconds = `${Math.max(1, Math.round(intervalMs / 1000))}`;
    const args = isXpu ? ['dump', '-d', '-1', '-m', XPU_METRICS, '-i', seconds] : ['-J', '-s', `${intervalMs}`];
    const command: Command = [tool.path, ...args];
    this.#stream = new ToolStream({ command, reader: isXpu ? xpu : top, silenceMs: staleAfter(intervalMs), clock });
  }

  read(): readonly Reading[] {
    const told = this.#stream?.fault === undefined ? this.#latest() : new Map<string, Reading>();
    const readings = this.#cards.map((card) => card.read());
    for (const [device, more] of told) {
      const at = Number(device);
      readings[at] ??= new Reading('Intel', `device ${device}`, '');
      merge(readings[at], more);
    }
    return readings.filter(Boolean);
  }

  fault(): string | undefined {
    return this.#stream?.fault;
  }

  close(): void {
    this.#stream?.stop();
    for (const card of this.#cards) card.close();
  }
}

/** The tool knows what the kernel's files do not; where both tell, the files are newer. */
function merge(reading: Reading, more: Reading): void {
  for (const [task, share] of more.tasks) reading.tasks.set(task, share);
  for (const [where, degrees] of more.temperatures)
    if (!reading.temperatures.has(where)) reading.temperatures.set(where, degrees);
  for (const [name, clock] of more.clocks) if (reading.clocks.get(name)?.now === undefined) reading.clocks.set(name, clock);
  for (const [name, value] of Object.entries(more.numbers)) reading.numbers[name as keyof typeof more.numbers] ??= value;
  reading.power ??= more.power;
  reading.energy ??= more.energy;
  reading.processes = more.processes;
}
