/** Looks at a service the whole time: its memory, and whether each sink's account is right. */
import type { SinkView, StatusView } from '../../src/http/view.ts';
import { median, sleep } from '../measure.ts';
import type { FastService } from './service.ts';

const EVERY_MS = 250;
/** For one who asks why, a line is printed this often, in milliseconds of the service's own time. */
const TRACE_MS = 900_000;

interface Seen {
  /** In milliseconds of the service's own time. */
  readonly at: number;
  /** In MiB; `anonymous` is memory that is the process's own, the rest are pages of files that are mapped. */
  readonly rss: number;
  readonly anonymous: number;
}

export type Memory = 'rss' | 'anonymous';

const HOUR_MS = 3_600_000;

/** What of the events that a sink took is accounted for nowhere. */
function unaccounted({ ledger }: SinkView): number {
  const { published, queued, spooled, in_flight, delivered, dead_lettered, dropped } = ledger;
  const known = queued + spooled + in_flight + delivered + dead_lettered + droppedOf(dropped);
  return Math.abs(published - known);
}

export const droppedOf = (dropped: Readonly<Record<string, number>>): number =>
  Object.values(dropped).reduce((sum, events) => sum + events, 0);

/** What waits in a sink. */
export const waitingIn = ({ ledger: { queued, spooled, in_flight } }: SinkView): number => queued + spooled + in_flight;

export class Watch {
  readonly #service: FastService;
  readonly #seen: Seen[] = [];
  #status: StatusView | undefined;
  #unaccounted = 0;
  #looks = 0;
  #done = false;
  #failure: Error | undefined;
  readonly #ended: Promise<void>;

  constructor(service: FastService) {
    this.#service = service;
    this.#ended = this.#look().catch((error: unknown) => void (this.#failure = error as Error));
  }

  /** The most events of a sink that any look found to be accounted for nowhere, and how many looks there were. */
  get account(): { readonly unaccounted: number; readonly looks: number } {
    return { unaccounted: this.#unaccounted, looks: this.#looks };
  }

  async #look(): Promise<void> {
    for (let traced = 0; !this.#done; await sleep(EVERY_MS)) {
      this.#seen.push({ at: this.#service.time, ...this.#service.memory() });
      this.#status = await this.#service.status();
      this.#unaccounted = Math.max(this.#unaccounted, ...this.#status.sinks.map(unaccounted));
      this.#looks++;
      if (process.env['BENCH_TRACE'] && this.#service.time - traced > TRACE_MS) {
        traced = this.#service.time;
        this.#trace(this.#status);
      }
    }
  }

  #trace({ sinks }: StatusView): void {
    const { at, rss, anonymous } = this.#seen.at(-1) as Seen;
    const waiting = sinks.map((sink) => `${sink.name} ${sink.state} ${sink.ledger.delivered} + ${waitingIn(sink)}`);
    console.error(`${(at / HOUR_MS).toFixed(2)} h`, rss.toFixed(1), anonymous.toFixed(1), waiting.join(', '));
  }

  /** Waits until it is so, of what it sees from now on. Fails when it has not become so within `ms`. */
  async until(what: string, is: (status: StatusView) => boolean, ms: number): Promise<StatusView> {
    // What the next look says may have been said before.
    const looks = this.#looks;
    for (const end = performance.now() + ms; performance.now() < end; await sleep(50)) {
      if (this.#failure) throw this.#failure;
      if (this.#status && this.#looks > looks + 1 && is(this.#status)) return this.#status;
    }
    throw new Error(`never ${what} within ${ms} ms: ${JSON.stringify(this.#status?.sinks)}\n${this.#service.lastWords}`);
  }

  /** The median from one moment to another, in MiB; moments are milliseconds of the service's own time. */
  middle(of: Memory, from: number, to: number): number {
    return median(this.#between(of, from, to));
  }

  most(of: Memory, from: number, to: number): number {
    return Math.max(...this.#between(of, from, to));
  }

  #between(of: Memory, from: number, to: number): number[] {
    return this.#seen.filter(({ at }) => at >= from && at < to).map((seen) => seen[of]);
  }

  async end(): Promise<void> {
    this.#done = true;
    await this.#ended;
    if (this.#failure) throw this.#failure;
  }
}
