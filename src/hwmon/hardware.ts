/** What the sensors of the machine's body have in common: the chips of the kernel and the management controller, read for one sample. */
import type { Host } from '../host.ts';
import { Ipmi, type IpmiGiven, type IpmiReading } from '../ipmi/sdr.ts';
import { type ChannelKind, type Chip, Chips } from './chips.ts';
import { Readings } from './readings.ts';

interface Context {
  readonly timeout: number;
  warn(message: string): void;
  info(message: string): void;
}

export interface Sampled {
  readonly chips: readonly Chip[];
  readonly ipmi: readonly IpmiReading[];
}

export class Hardware {
  readonly #chips: Chips;
  readonly #readings: Readings;
  readonly #ipmi: Ipmi | undefined;

  constructor(host: Host, kinds: readonly ChannelKind[], given: IpmiGiven, context: Context) {
    this.#chips = new Chips(host, kinds);
    this.#readings = new Readings(this.#chips, context, context.timeout);
    this.#ipmi = Ipmi.open(host, given, context);
  }

  /** Whether there is anything to read now. */
  get isEmpty(): boolean {
    return this.#ipmi === undefined && this.#chips.find().length === 0;
  }

  /** Reads, and makes of it what `then` makes: at once, unless a disk or the controller has to answer. */
  read<T>(signal: AbortSignal, time: number, then: (sampled: Sampled) => T): T | Promise<T> {
    const chips = this.#readings.read();
    const asked = this.#ipmi?.isDue(time) ? this.#ipmi.ask(time, signal) : undefined;
    if (Array.isArray(chips) && !asked) return then({ chips, ipmi: [] });
    return Promise.all([chips, asked ?? []]).then(([all, ipmi]) => then({ chips: all, ipmi }));
  }

  close(): void {
    this.#readings.close();
  }
}
