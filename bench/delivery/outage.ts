/**
 * `outage`: a broker is killed under a steady offer, stays away for `BENCH_OUTAGE_MINUTES`, and comes back. What arrived, when and in which
 * order is judged from its far end; memory is that of a process in which nothing but the delivery runs.
 */
import { type Figure, scratch, sleep } from '../measure.ts';
import { type Arrivals, Child, kafkaVictim, rabbitmqVictim, sizeOf, type Victim } from './outage-parts.ts';
import type { ChildReport, ChildSpec } from './outage-types.ts';

const MINUTES = Number(process.env['BENCH_OUTAGE_MINUTES'] ?? 1);
/** Events a second that come in, and at which the spool empties. */
const OFFER = Number(process.env['BENCH_OUTAGE_OFFER'] ?? 5000);
const RATE = Number(process.env['BENCH_OUTAGE_RATE'] ?? 2 * OFFER);
const WARMUP_MS = 30_000;
/** The end of the drain, in which sending becomes direct again, in milliseconds. */
const HANDOVER_MS = 2000;
/** How long what is deleted may stay on disk, in milliseconds. */
const SETTLE_MS = 20_000;

/** Looks at the process until told to stop. */
class Watch {
  readonly #child: Child;
  readonly seen: (ChildReport & { readonly at: number })[] = [];
  #done = false;
  readonly #ended: Promise<void>;

  constructor(child: Child) {
    this.#child = child;
    this.#ended = this.#look();
  }

  async #look(): Promise<void> {
    while (!this.#done) {
      this.seen.push({ ...(await this.#child.report()), at: Date.now() });
      await sleep(250);
    }
  }

  async until(is: (report: ChildReport) => boolean): Promise<number> {
    for (let last = this.seen.at(-1); !last || !is(last); last = this.seen.at(-1)) await sleep(50);
    return Date.now();
  }

  /** The most memory from one moment to another, in MiB. */
  most(of: 'rss' | 'anonymous', from: number, to: number): number {
    return Math.max(...this.seen.filter(({ at }) => at >= from && at < to).map((seen) => seen[of]));
  }

  /** How much more of it there was from the middle on. */
  growth(of: 'rss' | 'anonymous', from: number, middle: number): number {
    return this.most(of, middle, Number.POSITIVE_INFINITY) - this.most(of, from, middle);
  }

  /** CPU time of an event from the first look on, in µs. */
  cpuAnEvent(): number {
    const [first, last] = [this.seen[0], this.seen.at(-1)];
    if (!first || !last) throw new Error('nobody looked');
    return (1e6 * (last.cpu - first.cpu)) / (last.status.ledger.published - first.status.ledger.published);
  }

  async end(): Promise<void> {
    this.#done = true;
    await this.#ended;
  }
}

/** For one who asks why. */
function trace(watch: Watch, arrivals: Arrivals, downAt: number, upAt: number): void {
  for (const { at, rss, anonymous, heap, status } of watch.seen.filter((_, i) => i % 4 === 0)) {
    const { spool, ledger, drain } = status;
    const memory = [rss, anonymous, heap].map((mib) => mib.toFixed(0)).join(' ');
    const came = arrivals.between(at - 1000, at);
    console.error(((at - downAt) / 1000).toFixed(1), memory, came, spool.events, ledger.queued, ledger.published, drain.active);
  }
  console.error('up', (upAt - downAt) / 1000);
}

async function suffer(sink: ChildSpec['sink'], victim: Victim): Promise<Figure[]> {
  const { folder, remove } = scratch();
  const drain = { rate: RATE, byte_rate: '1GiB' };
  const options = { ...victim.options, drain, spool: { max_bytes: '16GiB' } };
  const child = new Child({ sink, folder, offer: OFFER, options, common: { queue: { max_events: 20_000 } } });
  const watch = new Watch(child);
  try {
    await sleep(WARMUP_MS);
    const sizeBefore = sizeOf(folder);
    const downAt = Date.now();
    await victim.kill();
    await sleep(MINUTES * 60_000);
    const backlog = watch.seen.at(-1)?.status.spool.events ?? 0;
    const sizeDuring = sizeOf(folder);
    const [upAt] = await Promise.all([victim.opened(), victim.restart()]);
    const emptyAt = await watch.until(({ status }) => status.spool.events === 0 && status.ledger.delivered > 0);
    await sleep(SETTLE_MS);
    child.pause();
    const sizeAfter = sizeOf(folder);
    await watch.until(({ status: { ledger } }) => ledger.queued + ledger.spooled + ledger.in_flight === 0);
    const { ledger } = (await child.report()).status;
    await watch.end();
    const arrivals = await victim.arrivals();
    const stream = arrivals.report();
    const firstAt = arrivals.firstAfter(upAt - 1000);
    // The last stretch goes with what comes in, no longer at the drain's rate.
    const drainedMs = 0.95 * (emptyAt - firstAt);
    const rate = (1000 * arrivals.between(firstAt, firstAt + drainedMs)) / drainedMs;
    const calmAt = downAt - WARMUP_MS / 2;
    if (process.env['BENCH_TRACE']) trace(watch, arrivals, downAt, upAt);
    const about = `${sink}, away for ${((upAt - downAt) / 1000).toFixed(0)} s, ${OFFER} events/s:`;
    return [
      {
        what: `${about} published, and not delivered or not arrived`,
        value: ledger.published - stream.arrived,
        unit: 'events',
        atMost: 0,
      },
      { what: `${about} published`, value: ledger.published, unit: 'events' },
      { what: `${about} spooled at the return`, value: backlog, unit: 'events' },
      { what: `${about} missing by their numbers`, value: stream.unexplained + stream.awaited, unit: 'events', atMost: 0 },
      { what: `${about} out of order`, value: stream.outOfOrder, unit: 'events', atMost: 0 },
      { what: `${about} repeats`, value: stream.repeats, unit: 'events' },
      { what: `${about} first event after the port is open`, value: (firstAt - upAt) / 1000, unit: 's', atMost: 2 },
      {
        what: `${about} drained at, of the set ${RATE} events/s`,
        value: (100 * rate) / RATE,
        unit: '%',
        atLeast: 95,
        atMost: 105,
      },
      {
        what: `${about} most in any second while it drains, of the set rate`,
        value: (100 * arrivals.most(upAt - 1000, 1000, emptyAt - HANDOVER_MS)) / RATE,
        unit: '%',
        atMost: 105,
      },
      {
        what: `${about} most in any second when it has drained, and what waits in memory follows, of the set rate`,
        value: (100 * arrivals.most(emptyAt - HANDOVER_MS, 1000, Number.POSITIVE_INFINITY)) / RATE,
        unit: '%',
        atMost: 105,
      },
      { what: `${about} drained in`, value: (emptyAt - firstAt) / 1000, unit: 's' },
      { what: `${about} CPU an event, encoded, spooled and sent`, value: watch.cpuAnEvent(), unit: 'µs' },
      { what: `${about} RSS before`, value: watch.most('rss', calmAt, downAt), unit: 'MiB' },
      {
        what: `${about} RSS at most after it, above that`,
        value: watch.growth('rss', calmAt, downAt),
        unit: 'MiB',
        atMost: 38.1,
      },
      { what: `${about} of that without mapped files`, value: watch.growth('anonymous', calmAt, downAt), unit: 'MiB' },
      { what: `${about} folder before`, value: sizeBefore / 1e6, unit: 'MB' },
      { what: `${about} folder at the return`, value: sizeDuring / 1e6, unit: 'MB' },
      { what: `${about} folder after`, value: sizeAfter / 1e6, unit: 'MB', atMost: 50 },
    ];
  } finally {
    await child.stop();
    remove();
  }
}

export async function outageKafka(): Promise<Figure[]> {
  const victim = await kafkaVictim();
  try {
    return await suffer('kafka', victim);
  } finally {
    await victim.close();
  }
}

export async function outageRabbitmq(): Promise<Figure[]> {
  const victim = await rabbitmqVictim();
  try {
    return await suffer('rabbitmq', victim);
  } finally {
    await victim.close();
  }
}
