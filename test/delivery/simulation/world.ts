/** The world of one simulated run: time, a disk, a broker, and the process that lives there, with what must hold at every step. */
import { Delivery, type DeliverySettings } from '../../../src/delivery/delivery.ts';
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

/** A process that may be killed: its timers and answers end with it. */
class Process {
  alive = true;
  readonly run: string;
  readonly delivery: Delivery;
  /** Whether the disk failed it, so that memory was all there was. */
  diskTrouble = false;
  killedAt: number | undefined;
  /** When each number was accepted, by lane. */
  readonly accepted = new Map<string, number>();

  constructor(world: World, run: string, settings: DeliverySettings) {
    this.run = run;
    const { clock, disk, broker, random } = world;
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
  readonly untold = new Set<string>();
  readonly limited = new Set<string>();
  readonly forgiven = new Set<string>();
  /** How long something may be on its way to the disk by the settings so far, in milliseconds. */
  unsyncedMs = 0;
  readonly dead: Process[] = [];
  backfill = false;
  #remarks: string[] = [];
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
    this.noteSettings();
    this.process = new Process(this, `run${this.runs}`, this.settings);
    return this.process;
  }

  noteSettings(): void {
    const { drain, spool } = this.settings.delivery;
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

  check(): void {
    const { ledger } = this.process.delivery.status();
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
    this.dead.push(process);
    this.unclean.add(process.run);
    // The disk never heard of a run that did not get as far as that, nor did the far end.
    if (!process.delivery.status().spool.ready) this.untold.add(process.run);
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

  /** A power cut may take what the disk was not told to keep, of runs that ended long ago too; but nothing that is older than that. */
  #cut(): void {
    const age = this.disk.cut();
    if (age === undefined || this.unsyncedMs === 0) return;
    if (age > this.unsyncedMs + SLACK_MS && !this.dead.some(({ diskTrouble }) => diskTrouble))
      throw new Error(`${age} ms were not synced`);
    for (let run = 1; run <= this.runs; run++) this.forgiven.add(`run${run}`);
  }

  async stop(ms: number): Promise<void> {
    // Some of its writes may come to an end only after it.
    const stopping = this.process.delivery.stop(ms);
    this.remember();
    await this.clock.until(stopping);
    this.check();
    const { ledger } = this.process.delivery.status();
    if (ledger.queued + ledger.in_flight > 0) throw new Error(`events are nowhere after a stop: ${JSON.stringify(ledger)}`);
    const { ready, reason } = this.process.delivery.status().spool;
    if (this.process.diskTrouble || !ready || reason !== undefined) {
      this.untold.add(this.process.run);
      this.unclean.add(this.process.run);
      this.dead.push(this.process);
    }
    this.pardons.push(this.clock.monotonic());
    this.process.alive = false;
  }
}
