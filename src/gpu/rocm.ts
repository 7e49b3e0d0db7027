/**
 * AMD GPUs, from `rocm-smi -a --json`, for where sysfs does not tell. It writes one object and ends, so it is run beside the samples.
 *
 * Keys change with the version and the card (`GPU ID` and `Device ID`, `Card series` and `Card Series`), all values are texts, and `system`
 * stands beside `card0`. https://rocm.docs.amd.com/projects/rocm_smi_lib
 */
import { Poll } from '../tool/poll.ts';
import { cellNumber } from './cell.ts';
import { Reading, type Source } from './reading.ts';

type Card = Readonly<Record<string, unknown>>;

/** The readings of a whole answer. Throws when it is none. */
export function parseRocm(output: string): Reading[] {
  // Warnings may come before the object.
  const begin = output.indexOf('{');
  if (begin < 0) throw new Error(`rocm-smi wrote no JSON, but ${JSON.stringify(output.slice(0, 160))}`);
  const whole = JSON.parse(output.slice(begin)) as Readonly<Record<string, unknown>>;
  const cards = Object.entries(whole).filter(
    (entry): entry is [string, Card] => /^card\d+$/.test(entry[0]) && isObject(entry[1]),
  );
  return cards.map(([name, card]) => readCard(name, card));
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

function readCard(name: string, card: Card): Reading {
  const said = (...keys: readonly string[]): string | undefined =>
    keys.map((key) => card[key]).find((value): value is string => typeof value === 'string' && value !== 'N/A' && value !== '');
  const number = (...keys: readonly string[]): number | undefined => cellNumber(said(...keys));
  const percent = (...keys: readonly string[]): number | undefined => cellNumber(said(...keys), '%');
  const model = said('Card Series', 'Card series', 'Device Name', 'Card model', 'Card Model', 'GPU ID', 'Device ID') ?? '';
  const reading = new Reading('AMD', said('PCI Bus')?.toLowerCase() ?? said('Unique ID') ?? name, model);
  const { numbers } = reading;
  const busy = percent('GPU use (%)');
  if (busy !== undefined) reading.tasks.set('general', busy);
  numbers['memory.limit'] = number('VRAM Total Memory (B)');
  numbers['memory.usage'] = number('VRAM Total Used Memory (B)');
  // Before ROCm 6.1 `GPU memory use (%)` is what 6.1 and later call activity.
  numbers['memory.activity'] = percent('GPU Memory Read/Write Activity (%)', 'GPU memory use (%)');
  reading.power = number('Average Graphics Package Power (W)', 'Current Socket Graphics Package Power (W)');
  numbers['power.limit'] = number('Max Graphics Package Power (W)');
  numbers['pcie.replays'] = number('PCIe Replay Count');
  for (const [key, value] of Object.entries(card)) {
    if (typeof value !== 'string') continue;
    const where = /^Temperature \(Sensor (.+)\) \(C\)$/.exec(key)?.[1];
    const degrees = where === undefined ? undefined : cellNumber(value);
    if (where !== undefined && degrees !== undefined) reading.temperatures.set(where, degrees);
    const clock = /^(\w+clk) clock speed:$/.exec(key)?.[1];
    const now = clock === undefined ? undefined : cellNumber(/^\((.+)\)$/.exec(value)?.[1]);
    if (clock !== undefined && now !== undefined) reading.clocks.set(CLOCKS[clock] ?? clock, { now });
  }
  const fan = { speed: number('Fan RPM'), ratio: percent('Fan speed (%)') };
  if (fan.speed !== undefined || fan.ratio !== undefined) reading.fans.set('gpu', fan);
  const [, speed, width] = /\(([\d.]+)GT\/s x(\d+)\)/.exec(said('pcie clock level') ?? '') ?? [];
  numbers['pcie.generation'] = speed === undefined ? undefined : GENERATIONS[Number(speed)];
  numbers['pcie.width'] = width === undefined ? undefined : Number(width);
  return reading;
}

const CLOCKS: Readonly<Record<string, string>> = { sclk: 'graphics', mclk: 'memory' };
const GENERATIONS: Readonly<Record<number, number>> = { 2.5: 1, 5: 2, 8: 3, 16: 4, 32: 5, 64: 6 };

export class Rocm implements Source {
  readonly #poll: Poll<Reading[]>;

  /** Rejects when the first run says nothing. */
  static async open(tool: string, everyMs: number): Promise<Rocm> {
    const poll = new Poll({ command: [tool, '-a', '--json'], everyMs, parse: parseRocm });
    await poll.first;
    if (poll.latest && poll.latest.length > 0) return new Rocm(poll);
    poll.stop();
    throw new Error(poll.fault ?? 'rocm-smi tells of no GPU');
  }

  private constructor(poll: Poll<Reading[]>) {
    this.#poll = poll;
  }

  read(): readonly Reading[] {
    return this.#poll.latest ?? [];
  }

  fault(): string | undefined {
    return this.#poll.fault;
  }

  close(): void {
    this.#poll.stop();
  }
}
