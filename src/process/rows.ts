/**
 * The rows that a process and a group of them have alike, but for the first table, which is the sensor's.
 *
 * Hundreds of processes have seven rows and more at every sample. So the numbers of a row pass through an object that the next row
 * overwrites, which a table takes them over from at once, and the cells are made once.
 */
import type { AnyTable, Field, TypedSchema } from '../event.ts';
import { COUNTER } from './process.ts';
import type { RowCells } from './row-cells.ts';
import { TICKS_PER_SECOND } from './stat.ts';
import type { Usage } from './usage.ts';

type With<K extends string> = TypedSchema<readonly string[], Record<K, Field>>;

interface Schemas {
  readonly memory: With<'swap' | 'pss'>;
  readonly cpu: With<'time'>;
  readonly faults: With<'faults'>;
  readonly disk: With<'io' | 'operations'>;
  readonly switches: With<'context_switches'>;
}

type Numbers<K extends string> = { [N in K]: number | undefined };

export class Rows {
  readonly #memory;
  readonly #cpu;
  readonly #faults;
  readonly #disk;
  readonly #switches;
  readonly #amounts: Numbers<'swap' | 'pss'> = { swap: undefined, pss: undefined };
  readonly #time = { time: 0 };
  readonly #faulted = { faults: 0 };
  readonly #moved: Numbers<'io' | 'operations'> = { io: 0, operations: 0 };
  readonly #switched = { context_switches: 0 };

  /** Of one sample. */
  constructor({ memory, cpu, faults, disk, switches }: Schemas) {
    this.#memory = memory.table();
    this.#cpu = cpu.table();
    this.#faults = faults.table();
    this.#disk = disk.table();
    this.#switches = switches.table();
  }

  add(cells: RowCells, { swap, pss }: Usage, counters: Float64Array): void {
    if (swap !== undefined || pss !== undefined) {
      [this.#amounts.swap, this.#amounts.pss] = [swap, pss];
      this.#memory.add(cells.identity, this.#amounts);
    }
    this.#addTime(cells.user, counters[COUNTER.user] as number);
    this.#addTime(cells.system, counters[COUNTER.system] as number);
    this.#addFaults(cells.minor, counters[COUNTER.minorFaults] as number);
    this.#addFaults(cells.major, counters[COUNTER.majorFaults] as number);
    this.#addIo(cells.read, counters[COUNTER.readBytes] as number, counters[COUNTER.reads] as number);
    this.#addIo(cells.write, counters[COUNTER.writtenBytes] as number, counters[COUNTER.writes] as number);
    this.#addSwitches(cells.voluntary, counters[COUNTER.voluntary] as number);
    this.#addSwitches(cells.involuntary, counters[COUNTER.involuntary] as number);
  }

  /** The tables that have rows, behind the first. */
  behind(first: AnyTable): AnyTable[] {
    return [first, this.#cpu, this.#memory, this.#faults, this.#disk, this.#switches].filter((table) => table.rows > 0);
  }

  #addTime(cells: readonly string[], ticks: number): void {
    this.#time.time = ticks / TICKS_PER_SECOND;
    this.#cpu.add(cells, this.#time);
  }

  #addFaults(cells: readonly string[], faults: number): void {
    this.#faulted.faults = faults;
    this.#faults.add(cells, this.#faulted);
  }

  #addIo(cells: readonly string[], bytes: number, operations: number): void {
    if (Number.isNaN(bytes)) return;
    this.#moved.io = bytes;
    this.#moved.operations = Number.isNaN(operations) ? undefined : operations;
    this.#disk.add(cells, this.#moved);
  }

  #addSwitches(cells: readonly string[], switches: number): void {
    if (Number.isNaN(switches)) return;
    this.#switched.context_switches = switches;
    this.#switches.add(cells, this.#switched);
  }
}
