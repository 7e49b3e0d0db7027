/**
 * One run of the delivery core over a simulated disk, clock and broker, of which a seed decides everything. What must hold at every step is
 * checked at every step; what must hold in the end, when all is well again. Throws with what is wrong.
 */
import { Entry } from '../../../src/delivery/entry.ts';
import { settled } from '../../clock.ts';
import { FAIR } from './broker.ts';
import { judge } from './judge.ts';
import { randomSettings, randomWeather } from './settings.ts';
import { RETRY_MS, SLACK_MS, World } from './world.ts';

/** However small a body is: whoever reads it afterwards finds nothing in it. */
Entry.prototype.free = function (): boolean {
  if (!this.shared) this.body.fill(0);
  return !this.shared;
};

const STEPS = 60;
/** Longer than every delay of the settings. */
const HEALING_MS = 3_600_000;
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
    world.noteTrouble();
    disk.full = random.chance(0.4);
    disk.failing = random.chance(0.3) ? 0.3 : 0;
    disk.latency = random.pick([0, 0, 5, 40]);
    return `disk full ${disk.full}, failing ${disk.failing}, latency ${disk.latency}`;
  }
  return await upheaval(world, roll);
}

async function upheaval(world: World, roll: number): Promise<string> {
  const { random, clock } = world;
  if (roll < 92) {
    const power = random.chance(0.3);
    world.kill(power);
    return power ? 'power cut' : 'kill';
  }
  if (roll < 94) {
    await world.stop(random.pick([0, 1000, 5000]));
    world.start();
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
  world.noteTrouble();
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
  await world.stop(5000);
}

/** In a killed run, what was accepted longer ago than `spool_after`, or at all with `always`, must not be lost, unless the disk itself failed. */
function judgeKills(world: World): void {
  if (world.damaged) return;
  const arrived = new Set(world.broker.arrived.map(({ seq }) => seq));
  const told = world.broker.arrived.flatMap(({ notice }) => notice ?? []).filter(({ last }) => last !== null);
  for (const { run, accepted, killedAt, troubledAt, spoolAfter } of world.dead) {
    if (killedAt === undefined || world.limited.has(run) || world.cutOff.has(run)) continue;
    for (const [seq, at] of accepted) {
      const due = Math.max(at + spoolAfter, troubledAt + RETRY_MS) + SLACK_MS;
      if (arrived.has(seq) || killedAt <= due) continue;
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
  const { last, unclean, untold, pardons, backfill, damaged, broker } = world;
  const verdict = judge(broker, { last, unclean, untold, pardons, backfill, damaged });
  judgeKills(world);
  return { events: world.n, runs: world.runs, ...verdict };
}
