/** A whole service of small sensors and sinks, on a clock that stands still. */
import { vi } from 'vitest';
import * as z from 'zod';
import { Agent, type AgentOptions, type Plan } from '../src/agent.ts';
import { fingerprint, type SensorEntry, type SinkEntry } from '../src/config/config.ts';
import type { TideEvent } from '../src/event.ts';
import { Host } from '../src/host.ts';
import type { Log } from '../src/log.ts';
import { matcher } from '../src/options.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { defineSink, type Sink } from '../src/sink.ts';
import { FakeClock } from './clock.ts';
import { valueSchema } from './events.ts';

/** What a test sensor does, and how often it was asked to; shared by all instances of it. */
export class TestSensor {
  opened: unknown[] = [];
  closed = 0;
  sampled = 0;
  /** May be replaced at any time. */
  open: () => Sampler | Promise<Sampler> = () => ({
    sample: () => this.sample(),
    close: () => {
      this.closed++;
      return this.close();
    },
  });
  sample: () => ReturnType<Sampler['sample']> = () => {
    this.sampled++;
    return [valueSchema.table().add(['n'], { value: this.sampled })];
  };
  close: () => void | Promise<void> = () => {};

  readonly definition = defineSensor({
    name: 'test',
    summary: 'Counts its samples.',
    emits: [valueSchema],
    options: z.unknown(),
    open: (_, options) => {
      this.opened.push(options);
      return this.open();
    },
  });

  entry(name: string, more: Partial<SensorEntry> = {}): SensorEntry {
    const { labels = {}, ...rest } = more;
    const about = { name, type: 'test', options: {}, interval: 1000, timeout: 500, offset: 0, ...rest };
    return { ...about, labels, definition: this.definition, fingerprint: fingerprint(about) };
  }
}

/** A sink that keeps what it gets; shared by all that are opened of it. */
export class TestSink {
  readonly got: TideEvent[] = [];
  opened = 0;
  closed = 0;
  /** May be replaced at any time. */
  write: (batch: readonly TideEvent[]) => Promise<void> = async (batch) => {
    this.got.push(...batch);
  };

  readonly definition = defineSink({
    name: 'test',
    summary: 'Keeps events.',
    options: z.unknown(),
    open: (): Sink => {
      this.opened++;
      return {
        connect: async () => {},
        write: async (batch) => await this.write(batch),
        close: async () => {
          this.closed++;
        },
      };
    },
  });

  get ids(): string[] {
    return this.got.map(({ id }) => id.split('/').slice(2).join('/'));
  }

  entry(
    name: string,
    more: Partial<Omit<SinkEntry['common'], 'select'>> & { select?: string[]; options?: unknown } = {},
  ): SinkEntry {
    const { select = ['*'], options = {}, ...rest } = more;
    const common = {
      queue: { max_events: 1000, max_bytes: 1e7, max_age: undefined, when_full: 'drop_oldest' as const },
      batch: { max_events: 100, max_bytes: 1e6, wait: 100 },
      timeout: 1000,
      backoff: { initial: 100, max: 1000 },
      shutdown_timeout: undefined,
      ...rest,
    };
    const mark = fingerprint(name, common, select, options);
    return {
      name,
      type: 'test',
      definition: this.definition,
      options,
      common: { ...common, select: matcher(select) },
      fingerprint: mark,
    };
  }
}

const recorder = () => ({ debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }) satisfies Log;

export function setup(more: Partial<AgentOptions> = {}) {
  const clock = new FakeClock();
  const log = recorder();
  const host = new Host({ name: 'machine' });
  const agent = new Agent({ agent: 'me', host, stateDir: '/nowhere', clock, log, maxEventBytes: 1e6, ...more });
  const sensor = new TestSensor();
  const sink = new TestSink();
  /** Applies a plan and lets it begin. */
  const apply = async (sensors: SensorEntry[], sinks: SinkEntry[], hostName = 'host'): Promise<void> => {
    const plan: Plan = { sensors, sinks, host: hostName };
    await clock.until(agent.apply(plan));
  };
  return { clock, log, agent, sensor, sink, apply };
}
