/**
 * `outage-hour` and `outage-hour-rabbitmq`: the broker is away for an hour, time-compressed, while 10,000 samples are scraped every 5 s. The
 * service is the published build; what arrived is judged from the broker's end. `BENCH_OUTAGE_SPEED` is how many times as fast the clock is: an
 * hour at 12 is five minutes. What waits in memory for a broker or a disk, which keep their own time, is that many times as much.
 * `BENCH_OUTAGE_WARMUP` is how many real minutes pass before the broker goes: V8 compiles in the first of them, in megabytes that are no
 * outage's.
 */
import type { SensorView, SinkView, StatusView } from '../../src/http/view.ts';
import { kafkaVictim, rabbitmqVictim, sizeOf, type Victim } from '../delivery/outage-parts.ts';
import { type Figure, scratch, sleep } from '../measure.ts';
import { FastService } from './service.ts';
import { plainPages, Target } from './target.ts';
import { droppedOf, Watch, waitingIn } from './watch.ts';

const SAMPLES = 10_000;
const INTERVAL_S = 5;
const SPEED = Number(process.env['BENCH_OUTAGE_SPEED'] ?? 12);
const HOUR_MS = 3_600_000;
const WARMUP_MS = Number(process.env['BENCH_OUTAGE_WARMUP'] ?? 10) * 60_000;
const AWAY_MS = HOUR_MS / SPEED;
/** Until the spool is empty, and then until its folder is small. */
const DRAIN_MS = 2 * AWAY_MS;
const SETTLE_MS = 20_000;
/** Until what was on its way when the configuration changed has been published. */
const REST_MS = 1000;
const SMALL_BYTES = 50e6;
/** 20 MB, in MiB. */
const GROWTH_MIB = 19.1;

type Broker = 'kafka' | 'rabbitmq';

/** Durations that are a broker's or a disk's to keep are the defaults times SPEED. What comes in is some 0.2 MB a second. */
const configuration = (target: Target, broker: Broker, victim: Victim) => ({
  agent: 'outage',
  interval: `${INTERVAL_S}s`,
  log: { level: 'error', format: 'json' },
  sensors: { page: { type: 'prometheus', targets: [target.url] } },
  sinks: {
    [broker]: {
      ...victim.options,
      timeout: `${30 * SPEED}s`,
      backoff: { initial: `${0.5 * SPEED}s`, max: `${30 * SPEED}s` },
      breaker: { after: `${2 * SPEED}s`, probe_max: `${1.5 * SPEED}s` },
      spool: { spool_after: `${SPEED}s`, fsync_interval: `${SPEED}s`, max_bytes: '8GiB' },
      drain: { byte_rate: '512KiB' },
      ...(broker === 'rabbitmq' && { heartbeat: `${Math.min(600, 10 * SPEED)}s` }),
    },
  },
});

const sinkOf = ({ sinks }: StatusView): SinkView => sinks[0] as SinkView;
const pageOf = ({ sensors }: StatusView): SensorView => sensors[0] as SensorView;

async function suffer(broker: Broker, service: FastService, target: Target, victim: Victim): Promise<Figure[]> {
  const watch = new Watch(service);
  await sleep(WARMUP_MS);
  const [downAt, sizeBefore] = [service.time, sizeOf(service.state)];
  await victim.kill();
  await sleep(AWAY_MS);
  const spool = sinkOf(await service.status()).spool;
  const sizeDuring = sizeOf(service.state);
  await Promise.all([victim.opened(), victim.restart()]);
  const upAt = service.time;
  await watch.until('empty', (status) => sinkOf(status).spool?.events === 0 && sinkOf(status).state !== 'waiting', DRAIN_MS);
  const emptyAt = service.time;
  for (const end = performance.now() + SETTLE_MS; performance.now() < end && sizeOf(service.state) > SMALL_BYTES; )
    await sleep(500);
  const sizeAfter = sizeOf(service.state);
  const [page, endAt] = [pageOf(await service.status()), service.time];
  await service.configure((config) => ({ ...config, interval: '7d', sensors: { load: {} } }));
  await sleep(REST_MS);
  const { ledger } = sinkOf(await watch.until('drained', (status) => waitingIn(sinkOf(status)) === 0, DRAIN_MS));
  await watch.end();
  const stream = (await victim.arrivals()).report();
  const memory = (['rss', 'anonymous'] as const).map((of) => {
    const before = watch.most(of, downAt / 2, downAt);
    return { before, growth: watch.most(of, downAt, endAt) - before };
  });
  const [rss, anonymous] = memory as [(typeof memory)[0], (typeof memory)[0]];
  const about = `${broker} away for ${((upAt - downAt) / 60_000).toFixed(0)} min at ${SPEED} times the speed:`;
  return [
    { what: `${about} scrapes of ${SAMPLES} samples`, value: target.served, unit: '' },
    { what: `${about} of those due`, value: (100 * page.samples * INTERVAL_S * 1000) / endAt, unit: '%', atLeast: 99.5 },
    { what: `${about} scrapes missed`, value: page.overruns + page.missed + page.timeouts + page.failures, unit: '', atMost: 0 },
    { what: `${about} published`, value: ledger.published, unit: 'events' },
    { what: `${about} not arrived`, value: ledger.published - stream.arrived, unit: 'events', atMost: 0 },
    {
      what: `${about} dropped and dead letters`,
      value: droppedOf(ledger.dropped) + ledger.dead_lettered,
      unit: 'events',
      atMost: 0,
    },
    { what: `${about} missing by their numbers`, value: stream.unexplained + stream.awaited, unit: 'events', atMost: 0 },
    { what: `${about} out of order`, value: stream.outOfOrder, unit: 'events', atMost: 0 },
    { what: `${about} repeats`, value: stream.repeats, unit: 'events' },
    { what: `${about} spooled at the return`, value: (spool?.bytes ?? 0) / 1e6, unit: 'MB' },
    { what: `${about} drained in`, value: (emptyAt - upAt) / 60_000, unit: 'min' },
    { what: `${about} RSS before`, value: rss.before, unit: 'MiB' },
    { what: `${about} RSS at most after it, above that`, value: rss.growth, unit: 'MiB', atMost: GROWTH_MIB },
    { what: `${about} of that without mapped files`, value: anonymous.growth, unit: 'MiB' },
    { what: `${about} folder before`, value: sizeBefore / 1e6, unit: 'MB' },
    { what: `${about} folder at the return`, value: sizeDuring / 1e6, unit: 'MB' },
    { what: `${about} folder after`, value: sizeAfter / 1e6, unit: 'MB', atMost: SMALL_BYTES / 1e6 },
  ];
}

const victims = { kafka: kafkaVictim, rabbitmq: rabbitmqVictim } as const;

async function outage(broker: Broker): Promise<Figure[]> {
  const { folder, remove } = scratch();
  const target = await Target.start(plainPages(SAMPLES));
  const victim = await victims[broker]();
  let service: FastService | undefined;
  try {
    const config = configuration(target, broker, victim);
    // What happens is over by about now, so that nothing is sampled in the future.
    const epoch = Date.now() - SPEED * (WARMUP_MS + AWAY_MS);
    service = await FastService.start({ folder, speed: SPEED, epoch, config });
    return await suffer(broker, service, target, victim);
  } finally {
    await service?.stop();
    await victim.close();
    target.close();
    remove();
  }
}

export const outageHour = (): Promise<Figure[]> => outage('kafka');
export const outageHourRabbitmq = (): Promise<Figure[]> => outage('rabbitmq');
