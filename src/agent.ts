/**
 * The service: sensors publish on the bus, each sink's runner takes what the sink selects.
 *
 * `apply` brings what runs to what a configuration says and touches nothing that did not change, so that starting and reloading are one
 * thing. A sink whose options changed hands its queue and its account to its successor.
 */
import type { AgentStatus } from './agent-status.ts';
import { BufferGarbage } from './buffer-garbage.ts';
import { Bus } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Config, SensorEntry, SinkEntry } from './config/config.ts';
import type { Delivery } from './delivery/delivery.ts';
import { describe } from './errors.ts';
import type { AnyTable, TideEvent } from './event.ts';
import type { Host } from './host.ts';
import type { Log } from './log.ts';
import { Publisher } from './publisher.ts';
import { newRun } from './run-id.ts';
import { sinkRunnerFor } from './run-sinks.ts';
import { Scheduler, stableOffset } from './scheduler.ts';
import { selector } from './select/select.ts';
import { sensorState } from './sensor-state.ts';
import { SensorTask } from './sensor-task.ts';
import { isBroker } from './sink.ts';
import type { RunSink, SinkRunner } from './sink-runner.ts';
import { ProcessFigures, type ProcessReading } from './telemetry/process-figures.ts';
import { selfTables } from './telemetry/self-tables.ts';
import type { Tracing } from './tracing.ts';

/** A sink that a new configuration no longer has may go on writing for as long as this, in milliseconds. */
const REMOVAL_MS = 10_000;

export interface AgentOptions {
  /** Identity of this agent in the id of every event. */
  readonly agent: string;
  readonly host: Host;
  /** The folder for state, absolute. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Events above this estimated size are cut by rows, in bytes. */
  readonly maxEventBytes: number;
  /** Makes spans, where the service is traced. */
  readonly tracing?: Tracing | undefined;
  /** Hides secrets in what sensors say of failures. */
  readonly redact?: (text: string) => string;
}

/** What is to run. `host` is the host's name in every event. */
export type Plan = Pick<Config, 'sensors' | 'sinks' | 'host'>;

interface RunningSink {
  readonly entry: SinkEntry;
  readonly runner: SinkRunner;
  readonly unsubscribe: () => void;
}

export class Agent {
  /** Tells this run's events from those of every other run. */
  readonly run = newRun();
  readonly #options: AgentOptions;
  readonly #bus: Bus;
  readonly #scheduler: Scheduler;
  readonly #sensors = new Map<string, SensorTask>();
  readonly #sinks = new Map<string, RunningSink>();
  readonly #publishers = new Map<string, { publisher: Publisher; identity: string }>();
  /** Settles when the plans given so far are applied. */
  #applied: Promise<void> = Promise.resolve();
  /** Settles when the sinks that a plan no longer had have delivered what they can. */
  #left: Promise<unknown> = Promise.resolve();
  readonly #process = new ProcessFigures();
  readonly #garbage: BufferGarbage;
  /** Whether the first plan is applied: of it, whoever starts the agent tells what is unavailable. */
  #begun = false;
  #stopped = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#garbage = new BufferGarbage(options.clock);
    this.#bus = new Bus((error) => options.log.error({ reason: describe(error) }, 'a subscriber of the bus failed'));
    this.#scheduler = new Scheduler(options.clock, (over) => {
      for (const { runner } of this.#sinks.values()) runner.round?.(over);
    });
  }

  /**
   * Starts, restarts and stops what differs from the plan. Resolves when every sensor was opened or found unavailable, or takes too long.
   * Plans are applied one after the other, and none once `stop` was called.
   */
  async apply(plan: Plan): Promise<void> {
    this.#applied = this.#applied.then(async () => await this.#apply(plan));
    await this.#applied;
  }

  async #apply(plan: Plan): Promise<void> {
    const runSink = await sinkRunnerFor(plan.sinks);
    if (this.#stopped) return;
    const gone = [...this.#sinks.values()].filter(({ entry }) => !plan.sinks.some(({ name }) => name === entry.name));
    for (const { entry } of gone) this.#sinks.delete(entry.name);
    this.#left = Promise.all(gone.map((sink) => this.#stopSink(sink, REMOVAL_MS)));
    for (const entry of plan.sinks) this.#startSink(entry, plan.host, runSink);
    const sensors = plan.sensors.map((entry) => ({ ...entry, offset: this.#offsetOf(entry, plan.sensors) }));
    const kept = new Set(sensors.filter((entry) => this.#unchanged(entry, plan.host)).map(({ name }) => name));
    const ended = [...this.#sensors.values()].filter(({ entry }) => !kept.has(entry.name));
    await Promise.all(ended.map((task) => task.close()));
    if (this.#stopped) return;
    for (const { entry } of ended) this.#sensors.delete(entry.name);
    const begun = sensors.filter(({ name }) => !kept.has(name)).map((entry) => this.#createSensor(entry, plan.host));
    await Promise.all([...begun.map((task) => task.open(!this.#begun)), this.#left]);
    this.#begun = true;
  }

  /** Stops sampling, gives the sinks up to `ms` to deliver what they have, and closes everything. */
  async stop(ms: number): Promise<void> {
    this.#stopped = true;
    this.#scheduler.stop();
    // All at once: nothing is published any more, and a sensor that hangs may not cost the sinks their time.
    const closed = [...this.#sensors.values()].map((task) => task.close());
    const flushed = [...this.#sinks.values()].map((sink) => this.#stopSink(sink, ms));
    await Promise.all([...closed, ...flushed, this.#left]);
    this.#process.stop();
  }

  /** What the service measures of itself now: what a sensor, a page of metrics and OTLP show alike. */
  self(): readonly AnyTable[] {
    return selfTables(this.status(), this.#process.read(), this.#options.clock.wall());
  }

  /** What the process costs, and how its event loop fares. `asked`: somebody wants to know, and it is not only noted. */
  process(asked = true): ProcessReading {
    return this.#process.read(asked);
  }

  status(): AgentStatus {
    return {
      run: this.run,
      sensors: [...this.#sensors.values()].map((task) => task.status()),
      sinks: [...this.#sinks.values()].map(({ entry, runner }) => ({ name: entry.name, ...runner.status() })),
    };
  }

  /** Every event, as it is published. `take` must not take long. The returned function ends it. */
  subscribe(take: (event: TideEvent) => void): () => void {
    return this.#bus.subscribe(take);
  }

  /** How long the scheduler has been silent while it had something to do, beyond what it may sleep, in milliseconds. */
  get late(): number {
    return this.#scheduler.late;
  }

  /** What runs a broker sink; undefined where there is none of that name, or it is no broker's. */
  delivery(sink: string): Delivery | undefined {
    const running = this.#sinks.get(sink);
    return running && isBroker(running.entry.definition) ? (running.runner as Delivery) : undefined;
  }

  #unchanged(entry: SensorEntry, hostName: string): boolean {
    const identity = this.#publishers.get(entry.name)?.identity;
    const running = this.#sensors.get(entry.name)?.entry;
    // The moments of a group are those of its shortest interval, which another sensor may have changed.
    const same = running?.fingerprint === entry.fingerprint && running.offset === entry.offset;
    return same && identity === identityOf(entry, hostName);
  }

  /** Its own, or that of the agent: for a group, one for all, so that they meet where their intervals do. */
  #offsetOf({ offset, interval, synchronise }: SensorEntry, all: readonly SensorEntry[]): number {
    const group = synchronise === undefined ? [] : all.filter((other) => other.synchronise === synchronise);
    return offset ?? stableOffset(this.#options.agent, Math.min(interval, ...group.map((other) => other.interval)));
  }

  #createSensor(entry: SensorEntry, hostName: string): SensorTask {
    const { host, clock, log, stateDir, tracing } = this.#options;
    const state = sensorState(stateDir, entry.name, (message) => log.warn({ sensor: entry.name }, message));
    const publisher = this.#publisherOf(entry, hostName);
    const self = (): readonly AnyTable[] => this.self();
    const task = new SensorTask({ entry, host, state, self, tracing, scheduler: this.#scheduler, publisher, clock, log });
    this.#sensors.set(entry.name, task);
    return task;
  }

  /** A sensor that is restarted goes on counting its events: an id is never given twice in a run. */
  #publisherOf(entry: SensorEntry, hostName: string): Publisher {
    const { agent, maxEventBytes, redact } = this.#options;
    const before = this.#publishers.get(entry.name)?.publisher;
    const source = { agent, run: this.run, sensor: entry.name, host: hostName, labels: entry.labels };
    const publish = (event: TideEvent): void => {
      this.#bus.publish(event);
      this.#garbage.look();
    };
    const publisher = new Publisher(source, maxEventBytes, publish, before?.published ?? 0, redact);
    this.#publishers.set(entry.name, { publisher, identity: identityOf(entry, hostName) });
    return publisher;
  }

  #startSink(entry: SinkEntry, host: string, runSink: RunSink): void {
    const old = this.#sinks.get(entry.name);
    // What an operator set meanwhile holds until the next configuration.
    if (old?.entry.fingerprint === entry.fingerprint) return this.delivery(entry.name)?.drainAt();
    const { agent, clock, log, stateDir, tracing } = this.#options;
    const runner = runSink(entry, old?.runner, { agent, run: this.run, host, clock, log, stateDir, tracing });
    old?.unsubscribe();
    const unsubscribe = this.#bus.subscribe(selector(entry.common, (event) => runner.publish(event)));
    this.#sinks.set(entry.name, { entry, runner, unsubscribe });
    if (old && old.runner !== runner && isBroker(old.entry.definition) !== isBroker(entry.definition)) {
      this.#left = Promise.all([this.#left, this.#stopSink(old, REMOVAL_MS)]);
    }
  }

  async #stopSink({ entry, runner, unsubscribe }: RunningSink, ms: number): Promise<void> {
    unsubscribe();
    await runner.stop(Math.min(ms, entry.common.shutdown_timeout ?? ms));
    const { dropped } = runner.status().ledger;
    if (dropped.shutdown)
      this.#options.log.warn(
        { sink: entry.name, events: dropped.shutdown },
        'events were not delivered before the end and are dropped',
      );
  }
}

const identityOf = (entry: SensorEntry, hostName: string): string => JSON.stringify([hostName, entry.labels]);
