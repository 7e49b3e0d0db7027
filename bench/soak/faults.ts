/**
 * What befalls a service in a soak: faults of each broker and of its network, faults of a sensor and changes by an operator, and readers of
 * its API. Each of them goes on by itself, so that they meet as they happen to. Of a kind's faults all come before one comes again, like cards
 * that are dealt.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Proxy } from '../../test/brokers/proxy.ts';
import { Random } from '../../test/delivery/simulation/random.ts';
import type { Victim } from '../delivery/outage-parts.ts';
import type { Configuration, FastService } from './service.ts';
import { TARGET_FAULTS, type Target } from './target.ts';

/** What is between the end of one fault of a kind and the next, in milliseconds; a broker's sink is first given time to empty its spool. */
const PAUSE_MS = { least: 500, most: 4000 };
const RECOVERY_MS = 15_000;
/** Readers at one time, and what is between two of one's visits, in milliseconds. */
const READERS_MOST = 3;
const READER_PAUSE_MS = { least: 50, most: 1500 };
/** Of the spool that fills: the least that can be configured, in bytes. */
const SMALL_SPOOL = 65_536;

export type Sink = 'kafka' | 'rabbitmq';

/** A broker and what stands between it and the service. */
export interface Site {
  readonly sink: Sink;
  readonly victim: Victim;
  readonly proxy: Proxy;
}

export interface Stage {
  readonly service: FastService;
  readonly target: Target;
  readonly sites: readonly Site[];
}

/** Each kind has a seed of its own, because in which order they come to one that they shared is not told by any seed. */
interface Scene extends Stage {
  readonly random: Random;
}

/** Waits until a sink has caught up, but no longer than that. */
async function recovered(service: FastService, name: Sink): Promise<void> {
  for (const end = performance.now() + RECOVERY_MS; performance.now() < end; await sleep(250)) {
    const sink = (await service.status()).sinks.find((one) => one.name === name);
    if (sink?.ledger.spooled === 0 && sink.state !== 'waiting') return;
  }
}

type Fault<T> = (about: T, scene: Scene) => Promise<void>;

const between = (random: Random, least: number, most: number): number => least + random.below(most - least);

/** Members of a sink's options. */
function change(sink: string, members: Configuration): (config: Configuration) => Configuration {
  return (config) => {
    const sinks = config['sinks'] as Record<string, Configuration>;
    return { ...config, sinks: { ...sinks, [sink]: { ...sinks[sink], ...members } } };
  };
}

async function refused({ proxy }: Site, ms: number): Promise<void> {
  await proxy.refuse(true);
  proxy.cut();
  await sleep(ms);
  await proxy.refuse(false);
}

const BROKER: Readonly<Record<string, Fault<Site>>> = {
  'killed and started again': async ({ victim }, { random }) => {
    await victim.kill();
    await sleep(between(random, 500, 4000));
    await victim.restart();
  },
  'does not answer': async ({ victim }, { random }) => {
    victim.freeze();
    await sleep(between(random, 1000, 8000));
    victim.thaw();
  },
  'half-open network': async ({ proxy }, { random }) => {
    proxy.stall(true);
    await sleep(between(random, 1000, 8000));
    proxy.stall(false);
  },
  'connections reset': async ({ proxy }) => {
    proxy.cut();
    await Promise.resolve();
  },
  'reset within a batch': async ({ proxy }, { random }) => {
    proxy.cutAfter(between(random, 1, 100_000), random.pick(['up', 'down']));
    await sleep(1000);
  },
  refused: async (site, { random }) => await refused(site, between(random, 500, 4000)),
  paused: async ({ sink }, { service, random }) => {
    await service.post(`/api/sinks/${sink}/pause`);
    await sleep(between(random, 1000, 4000));
    await service.post(`/api/sinks/${sink}/resume`);
  },
  'spool full': async (site, { service }) => {
    await service.configure((config) =>
      change(site.sink, { spool: { ...spoolOf(config, site.sink), max_bytes: SMALL_SPOOL } })(config),
    );
    await refused(site, 4000);
    await service.configure((config) =>
      change(site.sink, { spool: { ...spoolOf(config, site.sink), max_bytes: '2GiB' } })(config),
    );
  },
};

const spoolOf = (config: Configuration, sink: Sink): Configuration =>
  (config['sinks'] as Record<Sink, { spool: Configuration }>)[sink].spool;

const SERVICE: Readonly<Record<string, Fault<undefined>>> = {
  'sensor fails': async (_, { target, random }) => {
    target.fault = random.pick(TARGET_FAULTS);
    await sleep(between(random, 500, 3000));
    target.fault = undefined;
  },
  'reload: all sensors begin anew': async (_, { service, random }) =>
    await service.configure((config) => ({ ...config, labels: { round: String(random.below(1000)) } })),
  'reload: a sensor goes or comes': async (_, { service }) =>
    await service.configure((config) => {
      const { vmstat, ...sensors } = config['sensors'] as Configuration;
      return { ...config, sensors: vmstat ? sensors : { ...sensors, vmstat: {} } };
    }),
  'reload: other options of a broker': async (_, { service, random }) =>
    await service.configure(change(random.pick(['kafka', 'rabbitmq']), { batch: { max_events: between(random, 200, 500) } })),
  'reload: other options of a file': async (_, { service, random }) =>
    await service.configure(change('archive', { compress: random.pick(['gzip', 'none']) })),
  'reload: a mistake': async (_, { service }) => await service.misconfigure(),
  'drain at another rate, and probe': async (_, { service, random }) => {
    const sink = random.pick(['kafka', 'rabbitmq']);
    await service.post(`/api/sinks/${sink}/drain`, { rate: service.speed * between(random, 100, 5000) });
    await service.post(`/api/sinks/${sink}/probe`);
  },
};

/** An answer is read until that many milliseconds have passed, or not read at all, and then its connection is reset. */
async function stream(service: FastService, { ms, reads }: { ms: number; reads: boolean }): Promise<void> {
  const gone = new AbortController();
  const answer = await service.open('GET', '/api/events', undefined, gone.signal);
  answer.on('error', () => {});
  if (reads) answer.resume();
  await sleep(ms);
  gone.abort();
}

const READERS: Readonly<Record<string, Fault<undefined>>> = {
  '/metrics': async (_, { service }) => void (await service.get('/metrics')),
  '/api/history': async (_, { service }) => void (await service.get('/api/history')),
  '/api/config': async (_, { service }) => void (await service.get('/api/config')),
  'a page': async (_, { service }) => void (await service.get('/')),
  events: async (_, { service, random }) => await stream(service, { ms: between(random, 200, 3000), reads: true }),
  'events, unread': async (_, { service, random }) => await stream(service, { ms: between(random, 1000, 4000), reads: false }),
};

/** All of it, until it is ended. */
export class Faults {
  readonly counts = new Map<string, number>();
  readonly #stage: Stage;
  readonly #going: Promise<void>[] = [];
  /** Kinds of which not all have come once. */
  #fresh = 0;
  #allAt = Number.POSITIVE_INFINITY;
  #done = false;

  constructor(seed: number, stage: Stage) {
    this.#stage = stage;
    for (const site of stage.sites) {
      const after = async (): Promise<void> => await recovered(stage.service, site.sink);
      this.#going.push(this.#deal(seed++, site.sink, BROKER, site, after));
    }
    this.#going.push(this.#deal(seed++, 'service', SERVICE, undefined));
    for (let i = 0; i < READERS_MOST; i++) this.#going.push(this.#deal(seed++, 'reader', READERS, undefined));
  }

  async #deal<T>(
    seed: number,
    whose: string,
    faults: Readonly<Record<string, Fault<T>>>,
    about: T,
    after?: () => Promise<void>,
  ): Promise<void> {
    const scene = { ...this.#stage, random: new Random(seed) };
    this.#fresh++;
    let dealt = false;
    const { least, most } = whose === 'reader' ? READER_PAUSE_MS : PAUSE_MS;
    for (let left: string[] = []; !this.#done; await sleep(between(scene.random, least, most))) {
      if (left.length === 0) left = Object.keys(faults);
      const [name] = left.splice(scene.random.below(left.length), 1) as [string];
      const title = `${whose}: ${name}`;
      this.counts.set(title, (this.counts.get(title) ?? 0) + 1);
      await (faults[name] as Fault<T>)(about, scene);
      await after?.();
      if (left.length > 0 || dealt) continue;
      dealt = true;
      if (--this.#fresh === 0) this.#allAt = scene.service.time;
    }
  }

  /** When each had come once, in milliseconds of the service's own time. */
  get allAt(): number {
    return this.#allAt;
  }

  /** Resolves when those that go on are over; rejects with what broke one. */
  async end(): Promise<void> {
    this.#done = true;
    await Promise.all(this.#going);
  }

  /** Rejects when one breaks, and does nothing else. */
  async broken(): Promise<void> {
    await Promise.all(this.#going);
  }
}
