/** What is known of one GPU, or of one share of it, whatever its vendor: base units, absent is undefined. `sensors/gpu.ts` makes tables of it. */

export interface Process {
  readonly pid: string;
  readonly name: string;
  /** What it does: `compute`, `graphics`, both, or empty where that is not told. */
  readonly kind: string;
  /** Bytes. */
  readonly memory?: number | undefined;
  readonly utilization?: number | undefined;
  /** The share of the GPU that it runs on, or empty. */
  readonly share?: string;
}

/** Single numbers, by the field of `hw.gpu` that they become. */
export const NUMBERS = [
  'memory.usage',
  'memory.limit',
  'memory.reserved',
  'memory.activity',
  'power.limit',
  'power.limit.default',
  'power.limit.min',
  'power.limit.max',
  'performance_state',
  'pcie.generation',
  'pcie.generation.max',
  'pcie.width',
  'pcie.width.max',
  'pcie.replays',
  'encoder.sessions',
  'encoder.frame_rate',
  'encoder.latency',
  'mig',
  'ecc',
  'retired_pages.single_bit',
  'retired_pages.double_bit',
  'retired_pages.pending',
  'remapped_rows.correctable',
  'remapped_rows.uncorrectable',
  'remapped_rows.pending',
  'remapped_rows.failure',
] as const;
export type NumberName = (typeof NUMBERS)[number];

export class Reading {
  readonly id: string;
  readonly name: string;
  readonly vendor: string;
  /** The `id` of the GPU that this is a share of, or empty. */
  readonly parent: string;
  readonly numbers: Partial<Record<NumberName, number | undefined>> = {};
  /** Share of time that is spent in a task: `general`, `encoder`, `decoder` and what else the vendor tells apart. */
  readonly tasks = new Map<string, number>();
  /** Celsius, by location. */
  readonly temperatures = new Map<string, number>();
  /** Celsius, by location and by type of limit, with a blank between. */
  readonly temperatureLimits = new Map<string, number>();
  /** Revolutions a minute, and share of the highest speed, by location. */
  readonly fans = new Map<string, { speed?: number | undefined; ratio?: number | undefined }>();
  /** Hertz, by clock. */
  readonly clocks = new Map<string, { now?: number | undefined; max?: number | undefined }>();
  /** By reason: 1 while it holds the clocks down, and for how many seconds it has. */
  readonly throttles = new Map<string, { active?: number | undefined; time?: number | undefined }>();
  /** Errors by type. */
  readonly errors = new Map<string, number>();
  /** Links to other GPUs that are up, in bytes a second each way, by number. */
  readonly links = new Map<string, number>();
  /** Bytes a second through PCIe: `receive`, `transmit`. */
  readonly io = new Map<string, number>();
  /** Undefined where processes are not told. */
  processes: readonly Process[] | undefined;
  /** Watt. */
  power: number | undefined;
  /** Joule, since the driver was loaded. */
  energy: number | undefined;

  constructor(vendor: string, id: string, name: string, parent = '') {
    this.vendor = vendor;
    this.id = id;
    this.name = name;
    this.parent = parent;
  }
}

/** One way to learn of GPUs. */
export interface Source {
  /** What is known now. Never waits. */
  read(): readonly Reading[];
  /** What is wrong with it, or undefined. */
  fault(): string | undefined;
  close(): void;
}
