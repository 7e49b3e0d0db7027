/** The world of one simulated run: time, a disk, a broker, and the process that lives there, with what must hold at every step. */
import { Delivery, type DeliverySettings } from '../../../src/delivery/delivery.ts';
import { runKey } from '../../../src/delivery/keys.ts';
import { imbalance } from '../../../src/ledger.ts';
import { silent } from '../../../src/log.ts';
import { FakeClock } from '../../clock.ts';
import { eventOf } from '../../events.ts';
import { SimulatedBroker } from './broker.ts';
import { SimulatedDisk } from './disk.ts';
import { Random } from './random.ts';
import { randomSettings } from './settings.ts';

/** What the disk and a timer may add to `spool_after`, in milliseconds. */
export const SLACK_MS = 120;
/** How long until the core tries a disk again that failed, in milliseconds. */
export const RETRY_MS = 1000;
/** How long it may take to open and read what is on a slow disk, in milliseconds. */
const OPENING_MS = 2000;

/** A process that may be killed: its timers and answers end with it. */
class Process {
  alive = true;
  readonly run: string;
  readonly delivery: Delivery;
  readonly startedAt: number;
  /** The most events that it may have had in flight in a lane; undefined where they are not in order. */
  window: number | undefined = 0;
  /** When the disk was last full or failing before it ended, on the monotonic clock. */
  troubledAt = Number.NEGATIVE_INFINITY;
  killedAt: number | undefined;
  /** The most that may be in memory alone by the settings that it has had, in bytes. */
  memoryBytes = 0;
  /** The longest that an event may be in memory alone by the settings that it has had, in milliseconds. */
  spoolAfter = 0;
  /** When each number was accepted, by lane. */
  readonly accepted = new Map<string, number>();

  constructor(world: World, run: string, settings: DeliverySettings) {
    this.run = run;
    const { clock, disk, broker, random } = world;
    this.startedAt = clock.monotonic();
    const mine = {
      wall: () => clock.wall(),
      monotonic: () => clock.monotonic(),
      after: (ms: number, fn: () => void) => clock.after(ms, () => this.alive && fn()),
    };
    const parts = { name: 'sink', agent: 'agent', host: 'host', run, clock: mine, log: silent, random: () => random.next() };
    this.delivery = new Delivery(
      { ...parts, openStore: async () => ({ store: await disk.open(() => this.alive), remarks: world.remarks() }) },
      (context) => broker.open(context, () => this.alive),
      settings,
    );
  }
}

export class World {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly disk: SimulatedDisk;
  readonly broker: SimulatedBroker;
  settings: DeliverySettings;
  process: Process;
  runs = 0;
  n = 0;
  damaged = false;
  readonly last = new Map<string, number>();
  readonly unclean = new Set<string>();
  readonly pardons: number[] = [];
  readonly untold = new Map<string, number | undefined>();
  /** The windows of all runs. */
  readonly windows = new Map<string, number | undefined>();
  readonly limited = new Set<string>();
  /** Runs before a power cut that took something. */
  readonly cutOff = new Set<string>();
  /** How long something may be on its way to the disk by the settings so far, in milliseconds. */
  unsyncedMs = 0;
  readonly dead: Process[] = [];
  backfill = false;
  #remarks: string[] = [];
  #troubledAt = Number.NEGATIVE_INFINITY;
  readonly trace: string[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    this.disk = new SimulatedDisk(this.clock, this.random);
    this.broker = new SimulatedBroker(this.clock, this.random);
    this.settings = randomSettings(this.random);
    this.process = this.start();
    this.clock.onTurn = () => this.check();
  }

  start(): Process {
    this.runs++;
    this.process = new Process(this, `run${this.runs}`, this.settings);
    this.noteSettings();
    return this.process;
  }

  noteSettings(): void {
    const { drain, spool } = this.settings.delivery;
    const { process } = this;
    process.spoolAfter = Math.max(process.spoolAfter, spool.mode === 'always' ? 0 : spool.spool_after);
    const isOrdered = drain.order === 'ordered' && process.window !== undefined;
    process.window = isOrdered ? Math.max(process.window ?? 0, this.settings.batch.max_events) : undefined;
    process.memoryBytes = Math.max(process.memoryBytes, this.settings.queue.max_bytes);
    this.windows.set(process.run, process.window);
    this.backfill ||= drain.order === 'backfill';
    this.unsyncedMs = Math.max(
      this.unsyncedMs,
      { always: 0, interval: spool.fsync_interval, never: Number.POSITIVE_INFINITY }[spool.fsync],
    );
    // A full spool that drops nothing leaves events in memory for as long as it is full.
    if (spool.when_full !== 'drop_oldest') this.limited.add(`run${this.runs}`);
  }

  remarks(): string[] {
    return this.#remarks.splice(0);
  }

  /** When the disk was last full or failing, on the monotonic clock; looked at whenever something happens. */
  noteTrouble(): number {
    if (this.disk.full || this.disk.failing > 0) this.#troubledAt = this.clock.monotonic();
    return this.#troubledAt;
  }

  /** Whether the disk was full or failing a moment ago, so that it need not have been tried since. */
  get isTroubled(): boolean {
    return this.clock.monotonic() - this.noteTrouble() <= RETRY_MS + SLACK_MS;
  }

  check(): void {
    const { ledger, queuedBytes } = this.process.delivery.status();
    if (queuedBytes > this.process.memoryBytes) throw new Error(`${queuedBytes} bytes are in memory alone`);
    // With backfill, what is on disk and what is new go side by side.
    if (this.broker.writing > (this.backfill ? 2 : 1)) throw new Error(`${this.broker.writing} writes of one lane at once`);
    if (imbalance(ledger) !== 0) throw new Error(`the ledger is out by ${imbalance(ledger)}: ${JSON.stringify(ledger)}`);
    for (const [place, events] of Object.entries(ledger)) {
      if (typeof events === 'number' && events < 0) throw new Error(`${place} is ${events}: ${JSON.stringify(ledger)}`);
    }
  }

  publish(count: number, bytes: number): void {
    const { delivery, run, accepted } = this.process;
    for (let i = 0; i < count; i++) {
      const before = delivery.status().lanes;
      delivery.publish(eventOf(++this.n, { bytes, time: this.clock.wall() }));
      for (const { lane, accepted: n } of delivery.status().lanes) {
        if (before.find((one) => one.lane === lane)?.accepted === n) continue;
        accepted.set(`${run}/${lane}/${n}`, this.clock.monotonic());
      }
    }
    this.check();
  }

  /** What the process had accepted when it ended. */
  remember(): void {
    for (const { lane, accepted } of this.process.delivery.status().lanes) this.last.set(`${this.process.run}/${lane}`, accepted);
    this.pardons.push(this.clock.monotonic());
  }

  kill(power: boolean): void {
    this.remember();
    const { process } = this;
    process.alive = false;
    process.killedAt = power ? undefined : this.clock.monotonic();
    this.#ended();
    if (power) this.#cut();
    else this.disk.kill();
    if (this.random.chance(0.2)) {
      const { damaged, noticed } = this.disk.damage(2);
      this.damaged ||= damaged > 0;
      if (noticed) this.#remarks.push('something was set aside');
    }
    this.broker.forget();
    this.start();
  }

  /** The process has ended, and the disk may not know of it. */
  #ended(): void {
    const { process, clock, disk } = this;
    const { run, startedAt, window } = process;
    process.troubledAt = this.noteTrouble();
    this.dead.push(process);
    this.unclean.add(run);
    if (disk.knows(run)) return;
    // It writes that it runs before anything else, as soon as the disk lets it.
    const ms = clock.monotonic() - Math.max(startedAt, process.troubledAt + RETRY_MS);
    if (ms > OPENING_MS) throw new Error(`the disk does not know of ${run}, though it was well for ${ms} ms`);
    this.untold.set(run, window);
  }

  /** A power cut may take what the disk was not told to keep, of runs that ended long ago too; but nothing that is older than that. */
  #cut(): void {
    const { age, taken } = this.disk.cut();
    for (let run = 1; run <= this.runs; run++) {
      const key = runKey(`run${run}`);
      const records = taken.filter((change) => change.key.equals(key));
      if (records.length === 0) continue;
      // All that it wrote is gone, or that it went on with more lanes or larger batches; or else only that it had ended.
      if (!this.disk.knows(`run${run}`) || records.some(({ value }) => value))
        this.untold.set(`run${run}`, this.windows.get(`run${run}`));
      this.unclean.add(`run${run}`);
    }
    if (age === undefined) return;
    for (let run = 1; run <= this.runs; run++) this.cutOff.add(`run${run}`);
    const isExcused =
      this.unsyncedMs === Number.POSITIVE_INFINITY || this.noteTrouble() >= this.clock.monotonic() - age - RETRY_MS;
    if (age > this.unsyncedMs + SLACK_MS && !isExcused) throw new Error(`${age} ms were not synced`);
  }

  async stop(ms: number): Promise<void> {
    // Some of its writes may come to an end only after it.
    const stopping = this.process.delivery.stop(ms);
    this.remember();
    await this.clock.until(stopping);
    this.check();
    const { ledger } = this.process.delivery.status();
    if (ledger.queued + ledger.in_flight > 0) throw new Error(`events are nowhere after a stop: ${JSON.stringify(ledger)}`);
    const isWell = !this.disk.full && this.disk.failing === 0;
    if (!isWell) this.#ended();
    else if (this.disk.knows(this.process.run))
      throw new Error(`${this.process.run} has ended, and the disk does not know of it`);
    this.pardons.push(this.clock.monotonic());
    this.process.alive = false;
    this.broker.ended();
  }
}
