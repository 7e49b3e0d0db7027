/**
 * One run of the delivery core over a simulated disk, clock and broker, of which a seed decides everything. What must hold at every step is
 * checked at every step; what must hold in the end, when all is well again. Throws with what is wrong.
 */
import { Delivery, type DeliverySettings } from '../../../src/delivery/delivery.ts';
import { imbalance } from '../../../src/ledger.ts';
import { silent } from '../../../src/log.ts';
import { FakeClock, settled } from '../../clock.ts';
import { eventOf } from '../../events.ts';
import { FAIR, SimulatedBroker } from './broker.ts';
import { SimulatedDisk } from './disk.ts';
import { judge } from './judge.ts';
import { Random } from './random.ts';
import { randomSettings, randomWeather } from './settings.ts';

const STEPS = 60;
/** Longer than every delay of the settings. */
const HEALING_MS = 3_600_000;
/** What the disk and a timer may add to `spool_after`, in milliseconds. */
const SLACK_MS = 120;

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

class World {
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

const BYTES = [300, 300, 400, 1500, 4000];

async function step(world: World): Promise<string> {
  const { random, clock, disk, broker } = world;
  const roll = random.below(100);
  if (roll < 38) {
    const [count, bytes] = [1 + random.below(12), random.pick(BYTES)];
    world.publish(count, bytes);
    return `publish ${count} of ${bytes}`;
  }
  if (roll < 70) {
    const ms = random.pick([0, 1, 10, 50, 200, 1000, 3000, 20_000]);
    await clock.advance(ms);
    return `advance ${ms}`;
  }
  if (roll < 78) {
    broker.weather = random.chance(0.4) ? { ...FAIR } : randomWeather(random);
    return `weather ${JSON.stringify(broker.weather)}`;
  }
  if (roll < 81) {
    broker.block(random.chance(0.5) ? 'memory alarm' : undefined);
    return 'block or not';
  }
  if (roll < 84) {
    broker.poison = random.pick([0, 0, 7, 3]);
    return `poison ${broker.poison}`;
  }
  if (roll < 88) {
    disk.full = random.chance(0.4);
    disk.failing = random.chance(0.3) ? 0.3 : 0;
    disk.latency = random.pick([0, 0, 5, 40]);
    world.process.diskTrouble ||= disk.full || disk.failing > 0;
    return `disk full ${disk.full}, failing ${disk.failing}, latency ${disk.latency}`;
  }
  return await upheaval(world, roll);
}

async function upheaval(world: World, roll: number): Promise<string> {
  const { random, clock, disk } = world;
  if (roll < 92) {
    const power = random.chance(0.3);
    world.kill(power);
    world.process.diskTrouble ||= disk.full || disk.failing > 0;
    return power ? 'power cut' : 'kill';
  }
  if (roll < 94) {
    await world.stop(random.pick([0, 1000, 5000]));
    world.start();
    world.process.diskTrouble ||= disk.full || disk.failing > 0;
    return 'stop and start';
  }
  if (roll < 97) {
    world.settings = randomSettings(random);
    world.noteSettings();
    const { process } = world;
    void process.delivery.reconfigure((context) => world.broker.open(context, () => process.alive), world.settings);
    // A lane may be written to over an old and a new connection; the old one's answer may be lost with it.
    world.pardons.push(clock.monotonic());
    return 'reload';
  }
  clock.jump(random.pick([-3_600_000, -1000, 1000, 3_600_000]));
  return 'clock jumps';
}

/** All is well again: everything arrives, and nothing is left on disk. */
async function heal(world: World): Promise<void> {
  const { broker, disk, clock } = world;
  broker.weather = { ...FAIR };
  broker.poison = 0;
  broker.block(undefined);
  disk.full = false;
  disk.failing = 0;
  for (let waited = 0; ; waited += 1000) {
    await clock.advance(1000);
    const { ledger, queuedBytes, spool } = world.process.delivery.status();
    if (ledger.queued + ledger.spooled + ledger.in_flight === 0 && queuedBytes === 0 && spool.ready) break;
    if (waited > HEALING_MS)
      throw new Error(`not everything is delivered in the end: ${JSON.stringify(world.process.delivery.status())}`);
  }
  await clock.advance(60_000);
  world.publish(1, 300);
  await clock.advance(5000);
  world.process.diskTrouble = false;
  await world.stop(5000);
}

/** In a killed run, what was accepted longer ago than `spool_after` must not be lost, unless the disk itself failed. */
function judgeKills(world: World): void {
  if (world.damaged) return;
  const arrived = new Set(world.broker.arrived.map(({ seq }) => seq));
  const told = world.broker.arrived.flatMap(({ notice }) => notice ?? []).filter(({ last }) => last !== null);
  const spoolAfter = 2000;
  for (const { run, accepted, killedAt, diskTrouble } of world.dead) {
    if (killedAt === undefined || diskTrouble || world.limited.has(run) || world.forgiven.has(run)) continue;
    for (const [seq, at] of accepted) {
      if (arrived.has(seq) || killedAt - at <= spoolAfter + SLACK_MS) continue;
      const [, lane, n] = seq.split('/') as [string, string, string];
      const explained = told.some(
        (row) => row.run === run && row.lane === lane && Number(n) >= row.first && Number(n) <= (row.last ?? 0),
      );
      if (!explained) throw new Error(`${seq} was accepted ${killedAt - at} ms before the kill, and is lost`);
    }
  }
}

export interface Outcome {
  readonly events: number;
  readonly repeats: number;
  readonly explained: number;
  readonly runs: number;
}

/** Runs one seed. */
export async function simulate(seed: number, trace?: (line: string) => void): Promise<Outcome> {
  const world = new World(seed);
  trace?.(JSON.stringify(world.settings));
  for (let i = 0; i < STEPS; i++) {
    const at = world.clock.monotonic();
    const done = await step(world);
    await settled();
    world.check();
    trace?.(`${i} at ${at}: ${done} ${JSON.stringify(world.process.delivery.status().ledger)}`);
  }
  await heal(world);
  trace?.(JSON.stringify(world.process.delivery.status()));
  trace?.(JSON.stringify(world.broker.arrived.map(({ seq, notice }) => seq ?? notice)));
  const { last, unclean, forgiven, pardons, backfill, damaged, broker } = world;
  const untold = new Set([...world.untold, ...world.dead.filter(({ diskTrouble }) => diskTrouble).map(({ run }) => run)]);
  // What such a run gave up of the runs before it was known in its memory alone.
  for (const { run, diskTrouble } of world.dead) {
    if (diskTrouble) for (let before = 1; before <= Number(run.slice(3)); before++) forgiven.add(`run${before}`);
  }
  const verdict = judge(broker, { last, unclean, untold, forgiven, pardons, backfill, damaged });
  judgeKills(world);
  return { events: world.n, runs: world.runs, ...verdict };
}
