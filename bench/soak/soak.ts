/**
 * `soak`: a day of the service, time-compressed, under faults of everything around it: two brokers and their networks, a sensor, readers, and an
 * operator who changes the configuration. `BENCH_SOAK_HOURS` are simulated, `BENCH_SOAK_SPEED` times as fast; `BENCH_SOAK_SEED` repeats the faults
 * of a run. With `BENCH_SOAK_WARMUP` the day begins after so many real minutes of the same, faults included: what V8 compiles in its first
 * minutes would be hours of a clock that runs faster. Memory and descriptors are the kernel's figures of the service's process; what arrived is judged from the far ends.
 */
import { join } from 'node:path';
import type { SinkView, StatusView } from '../../src/http/view.ts';
import { Proxy } from '../../test/brokers/proxy.ts';
import { kafkaVictim, rabbitmqVictim } from '../delivery/outage-parts.ts';
import { availableSensors } from '../host.ts';
import { type Figure, scratch, sleep } from '../measure.ts';
import { Faults, type Site, type Stage } from './faults.ts';
import { type Configuration, FastService } from './service.ts';
import { Target, variedPages } from './target.ts';
import { droppedOf, Watch, waitingIn } from './watch.ts';

const HOURS = Number(process.env['BENCH_SOAK_HOURS'] ?? 24);
const SEED = Number(process.env['BENCH_SOAK_SEED'] ?? Date.now() % 1_000_000);
/** By default an hour is 15 seconds, and a round 42 ms. */
const SPEED = Number(process.env['BENCH_SOAK_SPEED'] ?? 240);
const HOUR_MS = 3_600_000;
const WARMUP_MINUTES = Number(process.env['BENCH_SOAK_WARMUP'] ?? 0);
/** When the day begins and ends, in milliseconds of the service's own time. */
const BEGIN_MS = WARMUP_MINUTES * 60_000 * SPEED;
const END_MS = BEGIN_MS + HOURS * HOUR_MS;
/** What the last quarter's memory is compared with is the median of so long, in milliseconds of the service's own time. */
const EARLY_MS = 2 * HOUR_MS;
/** Of the rounds, those that are begun although a machine is short of CPU: it is a day under load then. */
const ROUNDS_LEAST = 0.8;
const SAMPLES = 200;
/** Until all is connected, and until all has drained, in milliseconds. */
const CONNECT_MS = 30_000;
const DRAIN_MS = 120_000;
/** In which what is closed goes, in milliseconds. */
const SETTLE_MS = 3000;
/** At its descriptors, 100 ms apart. */
const LOOKS = 10;
/** 5 MB, in MiB. */
const FLAT_MIB = 4.77;

/** Durations that are a broker's or a disk's to keep are the defaults times SPEED, as far as they may be. */
const real = (seconds: number): string => `${seconds * SPEED}s`;
const DELIVERY = {
  timeout: real(15),
  backoff: { initial: real(0.5), max: real(15) },
  breaker: { after: real(2), probe_max: real(1.5) },
  spool: { spool_after: real(1), fsync_interval: real(1) },
  // A drain sends what its rate gives in 200 ms at once, and the answer takes as long as ever: with the default rate it would stand still.
  drain: { rate: 1000 * SPEED, byte_rate: `${4 * SPEED}MiB` },
};
const FILE = { timeout: real(15), backoff: { initial: real(0.5), max: real(15) }, fsync_interval: real(5) };

/** Every sensor that the machine has, a page that fails at times, and the service itself. */
const sensorsOf = (available: readonly string[], target: Target): Configuration => ({
  ...Object.fromEntries(available.map((name) => [name, {}])),
  prometheus: { targets: [target.url] },
  tidegate: { interval: '1m' },
});

function configuration(folder: string, sensors: Configuration, sites: readonly Site[]): Configuration {
  const own = { kafka: { request_timeout: '5s' }, rabbitmq: { heartbeat: '3s', connect_timeout: real(2.5) } };
  const brokers = sites.map(({ sink, victim }) => [sink, { ...victim.options, ...DELIVERY, ...own[sink] }]);
  return {
    agent: 'soak',
    interval: '10s',
    timeout: real(15),
    log: { level: 'error', format: 'json' },
    sensors,
    sinks: {
      archive: { type: 'file', path: join(folder, 'events.ndjson'), rotate: { max_bytes: '8MiB', keep: 3 }, ...FILE },
      ...Object.fromEntries(brokers),
    },
  };
}

const sinkOf = ({ sinks }: StatusView, name: string): SinkView => sinks.find((sink) => sink.name === name) as SinkView;

/** What a broker's far end says, beside what the sink says. */
async function judge({ sink, victim }: Site, status: StatusView): Promise<Figure[]> {
  const { published, dead_lettered, dropped } = sinkOf(status, sink).ledger;
  const stream = (await victim.arrivals()).report();
  const told = droppedOf(stream.lost);
  const about = `${sink}:`;
  return [
    { what: `${about} published`, value: published, unit: 'events' },
    { what: `${about} dropped because its spool was full`, value: droppedOf(dropped), unit: 'events' },
    { what: `${about} of these told to the far end, the others arrived all the same`, value: told, unit: 'events' },
    { what: `${about} dead letters`, value: dead_lettered, unit: 'events', atMost: 0 },
    { what: `${about} missing without notice`, value: stream.unexplained + stream.awaited, unit: 'events', atMost: 0 },
    {
      what: `${about} published, and neither arrived nor told as lost`,
      value: Math.abs(published - stream.arrived - told),
      unit: 'events',
      atMost: 0,
    },
    { what: `${about} out of order`, value: stream.outOfOrder, unit: 'events', atMost: 0 },
    { what: `${about} repeats`, value: stream.repeats, unit: 'events' },
  ];
}

/** What of one list is not in the other. */
function beyond(after: readonly string[], before: readonly string[]): string[] {
  const left = [...before];
  return after.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** In the last quarter, above what it was in the hours after the first, and after each fault had come once. */
function memoryOf(watch: Watch, allAt: number): Figure[] {
  const last = END_MS - 0.25 * HOURS * HOUR_MS;
  const since = {
    'the first hour': BEGIN_MS + HOUR_MS,
    [`each fault had come once, after ${((allAt - BEGIN_MS) / HOUR_MS).toFixed(1)} hours`]: Math.max(allAt, BEGIN_MS),
  };
  return (['rss', 'anonymous'] as const).flatMap((of) => {
    const what = of === 'rss' ? 'RSS' : 'RSS without mapped files';
    const late = watch.middle(of, last, END_MS);
    const early = Object.entries(since).map(([name, at]): Figure => {
      const before = watch.middle(of, at, Math.min(at + EARLY_MS, last));
      return { what: `${what}, above the two hours since ${name}`, value: late - before, unit: 'MiB', atMost: FLAT_MIB };
    });
    const third = watch.middle(of, BEGIN_MS + 0.5 * HOURS * HOUR_MS, last);
    return [
      { what: `${what}, median of the last quarter`, value: late, unit: 'MiB' },
      ...early,
      { what: `${what}, above the third quarter`, value: late - third, unit: 'MiB', atMost: FLAT_MIB },
      { what: `${what}, at most`, value: watch.most(of, 0, END_MS), unit: 'MiB' },
    ];
  });
}

const isConnected = ({ sinks }: StatusView): boolean => sinks.every(({ ledger }) => ledger.delivered > 0);
const isAtRest = ({ sinks }: StatusView): boolean =>
  sinks.every(({ ledger, state }) => ledger.spooled === 0 && state !== 'waiting');
const isDrained = ({ sinks }: StatusView): boolean => sinks.every((sink) => waitingIn(sink) === 0);

/**
 * Descriptors in the normal run of things, but for files of processes of the machine, which come and go; the fewest of some looks, because
 * the connection of one that asks for the status may be among them.
 */
async function descriptorsOf(service: FastService): Promise<string[]> {
  await sleep(SETTLE_MS);
  let fewest: string[] | undefined;
  for (let look = 0; look < LOOKS; look++) {
    const now = service.descriptors().filter((what) => !/^\/proc\/\d+\//.test(what));
    if (!fewest || now.length < fewest.length) fewest = now;
    await sleep(100);
  }
  return fewest as string[];
}

function descriptorFigures(before: readonly string[], after: readonly string[]): Figure[] {
  const more = beyond(after, before);
  if (more.length > 0)
    console.error('descriptors at the end that were not there before, and the reverse:', more, beyond(before, after));
  return [
    { what: 'descriptors with everything connected', value: before.length, unit: '' },
    { what: 'descriptors at the end, above that', value: after.length - before.length, unit: '', atMost: 0 },
  ];
}

async function live(stage: Stage, sensors: Configuration): Promise<Figure[]> {
  const { service, target, sites } = stage;
  const watch = new Watch(service);
  await watch.until('connected', isConnected, CONNECT_MS);
  await service.get('/metrics');
  const before = await descriptorsOf(service);
  const faults = new Faults(SEED, stage);
  const reached = async (ms: number): Promise<void> =>
    await Promise.race([faults.broken(), sleep(Math.max(0, ms - service.time) / SPEED)]);
  await reached(BEGIN_MS);
  const served = target.served;
  await reached(END_MS);
  const rounds = target.served - served;
  await faults.end();
  await service.configure((config) => ({ ...config, sensors }));
  await watch.until('at rest', isAtRest, DRAIN_MS);
  const after = await descriptorsOf(service);
  // Nothing is published any more, so that all of it can have arrived.
  await service.configure((config) => ({ ...config, interval: '7d', sensors: { load: {} } }));
  await sleep(SETTLE_MS);
  const status = await watch.until('drained', isDrained, DRAIN_MS);
  await watch.end();
  const { looks, unaccounted } = watch.account;
  return [
    {
      what: `rounds of 10 s, ${SPEED} times as fast, by the pages that were scraped; seed ${SEED}; ${WARMUP_MINUTES} minutes before the day`,
      value: rounds,
      unit: '',
      atLeast: ROUNDS_LEAST * HOURS * 360,
    },
    ...[...faults.counts].toSorted(([a], [b]) => a.localeCompare(b)).map(([what, value]) => ({ what, value, unit: 'times' })),
    ...memoryOf(watch, faults.allAt),
    ...descriptorFigures(before, after),
    { what: `events of a sink accounted for nowhere, at most in ${looks} looks`, value: unaccounted, unit: '', atMost: 0 },
    ...(await Promise.all(sites.map(async (site) => await judge(site, status)))).flat(),
  ];
}

export async function soak(): Promise<Figure[]> {
  const { folder, remove } = scratch();
  console.error(`seed ${SEED}`);
  const opened: { close(): unknown }[] = [];
  const keep = <T extends { close(): unknown }>(one: T): T => {
    opened.unshift(one);
    return one;
  };
  try {
    const target = keep(await Target.start(variedPages(SAMPLES)));
    const sites: Site[] = [];
    for (const [sink, start] of [
      ['kafka', kafkaVictim],
      ['rabbitmq', rabbitmqVictim],
    ] as const) {
      const proxy = keep(await Proxy.start());
      sites.push({ sink, proxy, victim: keep(await start(proxy)) });
    }
    const sensors = sensorsOf(await availableSensors(), target);
    const config = configuration(folder, sensors, sites);
    const service = await FastService.start({ folder, speed: SPEED, epoch: Date.now() - END_MS, config });
    keep({ close: async () => await service.stop() });
    return await live({ service, target, sites }, sensors);
  } finally {
    for (const one of opened) await one.close();
    remove();
  }
}
