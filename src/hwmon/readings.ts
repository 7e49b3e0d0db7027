/**
 * Reads the channels of all chips for one sample.
 *
 * Values and alarms are read at every sample, limits at every `SELDOM`th: they are set once. A disk (drivetemp, nvme) answers itself, and one
 * that is dying may keep whoever asks waiting for a minute; so disks are asked on threads of Node's, one after the other, and all of them
 * together have `DISKS_MS`. One that does not answer by then is left alone until it has, and `HUNG_MAX` such disks end the asking,
 * so that Node's four threads are never all taken.
 */
import { type Clock, systemClock } from '../clock.ts';
import { DeadlineExceeded, withDeadline } from '../deadline.ts';
import type { Attribute } from './attribute.ts';
import type { Chip, Chips } from './chips.ts';

const SELDOM = 30;
const DISKS_MS = 2000;
const HUNG_MAX = 2;

export interface Voice {
  warn(message: string): void;
  info(message: string): void;
}

export class Readings {
  readonly #chips: Chips;
  readonly #clock: Clock;
  readonly #voice: Voice;
  readonly #limitMs: number;
  /** Disks that have not answered yet, by chip. */
  readonly #hung = new Set<string>();
  #samples = 0;
  #known: readonly Chip[] | undefined;

  /** `limitMs` is how long a sample may take. */
  constructor(chips: Chips, voice: Voice, limitMs: number, clock: Clock = systemClock) {
    this.#chips = chips;
    this.#voice = voice;
    this.#limitMs = Math.min(DISKS_MS, limitMs / 2);
    this.#clock = clock;
  }

  /** Reads everything; the attributes of the chips returned have their values then. A promise when there are disks. */
  read(): readonly Chip[] | Promise<readonly Chip[]> {
    const chips = this.#chips.find();
    const isNew = chips !== this.#known;
    const isTurn = isNew || this.#samples % SELDOM === 0;
    this.#known = chips;
    this.#samples = isTurn ? 1 : this.#samples + 1;
    const disks: Chip[] = [];
    for (const chip of chips) {
      if (chip.disk !== '') disks.push(chip);
      else for (const one of due(chip, isTurn)) one.read();
    }
    return disks.length === 0 ? chips : this.#askDisks(disks, isTurn).then(() => chips);
  }

  close(): void {
    this.#chips.close();
  }

  async #askDisks(disks: readonly Chip[], isTurn: boolean): Promise<void> {
    const answered = new Set<Chip>();
    let isOver = false;
    const work = async (): Promise<void> => {
      for (const chip of disks) {
        if (isOver || this.#hung.size >= HUNG_MAX) return;
        if (this.#hung.has(chip.id)) continue;
        this.#hung.add(chip.id);
        for (const one of due(chip, isTurn)) await one.readBeside();
        this.#hung.delete(chip.id);
        if (isOver) this.#voice.info(`${chip.disk} answers again`);
        else answered.add(chip);
      }
    };
    try {
      await withDeadline(this.#clock, this.#limitMs, 'asking the disks for their temperature', work);
    } catch (error) {
      if (!(error instanceof DeadlineExceeded)) throw error;
      isOver = true;
      const waiting = disks.filter(({ id }) => this.#hung.has(id)).map(({ disk }) => disk);
      this.#voice.warn(`no answer from ${waiting.join(', ')}, which is left out until there is one`);
    }
    // A number that was read before says nothing of now.
    for (const chip of disks) if (!answered.has(chip)) for (const one of due(chip, true)) one.value = undefined;
  }
}

/** What is read now: everything, or all but the limits. */
function due(chip: Chip, everything: boolean): Attribute[] {
  return chip.channels.flatMap(({ value, more }) => [
    ...(value ? [value] : []),
    ...[...more].filter(([word]) => everything || isAlarm(word)).map(([, attribute]) => attribute),
  ]);
}

export const isAlarm = (word: string): boolean => word === 'fault' || word.endsWith('alarm');
