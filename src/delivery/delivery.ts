/**
 * Delivers the events of one broker sink: what it has accepted is delivered, or on disk, or dropped under a rule the operator chose and
 * counted with its reason.
 *
 *   publish ─▶ intake ─▶ lanes ─▶ sender, one a lane ─▶ health ─▶ deadline ─▶ pool ─▶ connection
 *                          └──▶ keeper ─▶ spool            (breaker)
 *
 *   opening ──spool read──▶ running ──stop──▶ stopped
 *
 * Options may change while it runs; connections are then opened anew, and every event stays where it is. Nothing a broker does reaches
 * beyond its delivery.
 */
import type { Broker, BrokerContext } from '../broker.ts';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import type { TideEvent } from '../event.ts';
import { Ledger } from '../ledger.ts';
import type { Log } from '../log.ts';
import { SinkCounts } from '../sink-counts.ts';
import type { Tracing } from '../tracing.ts';
import { DeadLetters } from './dead-letters.ts';
import { Health } from './health.ts';
import { Intake } from './intake.ts';
import { Keeper } from './keeper.ts';
import type { Lane } from './lane.ts';
import { Notices } from './notice.ts';
import { Operations } from './operations.ts';
import type { DrainRate } from './options.ts';
import { Pacer } from './pacer.ts';
import { Pool } from './pool.ts';
import { Sender } from './sender.ts';
import type { SenderOptions, SenderParts } from './sender-parts.ts';
import { type DeliverySettings, healthOptions, keeperOptions, pausing, senderOptions, withinRecord } from './settings.ts';
import { type DeliveryStatus, statusOf } from './status.ts';
import type { OpenStore } from './store.ts';
import { Writer } from './writer.ts';

export type { DeliverySettings } from './settings.ts';

export interface DeliveryParts {
  readonly name: string;
  readonly agent: string;
  /** The host's name, for loss notices. */
  readonly host: string;
  readonly run: string;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly openStore: OpenStore;
  readonly tracing?: Tracing | undefined;
}

/** How long the spool may take to write the rest and close, in milliseconds. */
const DISK_MS = 10_000;

export type OpenBroker = (context: BrokerContext) => Broker;

export class Delivery {
  readonly name: string;
  readonly #parts: DeliveryParts;
  #settings: DeliverySettings;
  #openBroker: OpenBroker;
  readonly #ledger: Ledger;
  readonly #intake: Intake;
  readonly #health: Health;
  readonly #keeper: Keeper;
  readonly #pacer: Pacer;
  readonly #dead: DeadLetters;
  readonly #notices: Notices;
  #pool: Pool;
  /** Counts the pools: what the broker tells an old one is of no more interest. */
  #generation = 0;
  readonly #senders = new Map<Lane, Sender[]>();
  readonly #counts = new SinkCounts();
  readonly #writer: Writer;
  #flushing = false;
  #stopped = false;
  /** Since when an operator holds it back, and since when none does, as Unix time in milliseconds. */
  #pausedSince: number | undefined;
  #resumedAt = 0;
  #senderOptions: SenderOptions;
  readonly #senderParts: SenderParts;
  #onRest: (() => void)[] = [];
  /** What an operator may do while it runs. */
  readonly operations: Operations;

  constructor(parts: DeliveryParts, openBroker: OpenBroker, settings: DeliverySettings) {
    const { name, agent, host, run, clock, log, random, openStore } = parts;
    this.name = name;
    this.#parts = parts;
    this.#settings = settings;
    this.#openBroker = openBroker;
    this.#ledger = new Ledger(clock);
    this.#intake = new Intake(run, settings, this.#ledger, clock);
    this.#pacer = new Pacer(settings.delivery.drain, clock, (rate, peak) =>
      log.warn(
        { sink: name, rate, peak },
        'the spool may never empty: raise drain.rate and drain.byte_rate above the peak, or set them to auto',
      ),
    );
    this.#dead = new DeadLetters(this.#ledger, settings.delivery.dead_letters.max_bytes);
    this.#health = new Health(name, healthOptions(settings), clock, log, random, () => this.#kickAll());
    this.#notices = new Notices({ sink: name, agent, host, run, encode: (event) => this.#intake.encode(event) });
    this.#keeper = new Keeper(keeperOptions(settings), {
      name,
      run,
      clock,
      log,
      ledger: this.#ledger,
      intake: this.#intake,
      dead: this.#dead,
      openStore,
      failing: () => !this.#health.healthy,
      onRecord: () => {
        this.#apply();
        // What one sender of a lane leaves from now on may be the other's.
        this.#kickAll();
      },
      onChange: () => this.#kickAll(),
    });
    this.#senderOptions = senderOptions(settings);
    this.#senderParts = this.#partsOfSenders();
    const deadlines = pausing(clock, () => this.#health.isBlocked && !this.#stopped);
    this.#writer = new Writer({ name, clock, deadlines, counts: this.#counts, tracing: parts.tracing });
    this.#pool = this.#newPool();
    const [dead, intake, keeper] = [this.#dead, this.#intake, this.#keeper];
    this.operations = new Operations({ dead, intake, keeper, onMore: () => this.#kickAll() });
    void this.#keeper.open();
  }

  status(): DeliveryStatus {
    const { lanes, memory } = this.#intake;
    return statusOf({
      ledger: this.#ledger,
      lanes: [...lanes.values()],
      memory,
      health: this.#health.status(),
      pacer: this.#pacer,
      dead: this.#dead,
      keeper: this.#keeper,
      sending: [...this.#senders.values()].flat().some(({ resting }) => !resting),
      counts: this.#counts.view(),
      lateAnswers: this.#counts.lateAnswers,
      stopped: this.#stopped,
      pausedSince: this.#pausedSince,
      resumedAt: this.#resumedAt,
    });
  }

  /** Sends nothing until `resume`; events queue and are spooled meanwhile. */
  pause(): void {
    this.#pausedSince ??= this.#parts.clock.wall();
  }

  resume(): void {
    if (this.#pausedSince !== undefined) this.#resumedAt = this.#parts.clock.wall();
    this.#pausedSince = undefined;
    this.#kickAll();
  }

  /** Tries the broker now, whatever was to be waited for. */
  probe(): void {
    this.#health.probe();
  }

  /** Empties the spool at another rate, until it is configured anew or told nothing: then as the options say. */
  drainAt(rate: Partial<DrainRate> = {}): void {
    this.#pacer.configure({ ...this.#settings.delivery.drain, ...rate });
    this.#kickAll();
  }

  /** Takes an event. Never waits. */
  publish(event: TideEvent): void {
    if (this.#stopped) {
      this.#ledger.publish();
      return this.#ledger.drop('queued', 'shutdown', 1);
    }
    const lane = this.#intake.accept(event);
    this.#pacer.came(event.bytes);
    this.#keeper.accepted();
    for (const sender of this.#sendersOf(lane)) sender.accepted();
  }

  /** Goes on with other options, and over other connections. */
  async reconfigure(openBroker: OpenBroker, settings: DeliverySettings): Promise<void> {
    this.#settings = settings;
    this.#openBroker = openBroker;
    this.#apply();
    this.#pacer.configure(settings.delivery.drain);
    this.#dead.configure(settings.delivery.dead_letters.max_bytes);
    this.#health.configure(healthOptions(settings));
    this.#keeper.configure(keeperOptions(settings));
    const old = this.#pool;
    this.#pool = this.#newPool();
    // What the broker wished was the old connections' matter.
    this.#health.blocked(undefined);
    this.#health.probe();
    await old.retire(settings.timeout, this.#parts.clock);
  }

  /** Sends as the settings say, as far as the disk knows of it. */
  #apply(): void {
    const settings = withinRecord(this.#settings, this.#keeper.recorded);
    this.#senderOptions = senderOptions(settings);
    this.#intake.configure(settings);
  }

  /** Sends until everything is delivered, but for up to `ms` and only while the broker is well; spools the rest and closes. */
  async stop(ms: number): Promise<void> {
    if (this.#health.healthy && this.#keeper.ready && this.#pausedSince === undefined) await this.#flush(ms);
    this.#stopped = true;
    for (const sender of [...this.#senders.values()].flat()) sender.abandon();
    const safe = await withDeadline(this.#parts.clock, DISK_MS, 'the spool', async () => await this.#keeper.stop()).catch(
      () => false,
    );
    if (!safe) for (const lane of this.#intake.lanes.values()) lane.abandon();
    await withDeadline(this.#parts.clock, Math.max(ms, 1000), 'close', async () => await this.#pool.close()).catch(() => {});
  }

  async #flush(ms: number): Promise<void> {
    this.#flushing = true;
    await new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.after(ms, resolve);
      const look = (): void => {
        if (!this.#health.healthy || this.#isDone()) {
          cancel();
          resolve();
        } else this.#onRest.push(look);
      };
      look();
      this.#kickAll();
    });
  }

  /** Whether nothing is left that a stop waits for: a backlog that drains at its rate is not. */
  #isDone(): boolean {
    for (const lane of this.#intake.lanes.values()) {
      if (lane.draining) continue;
      // What was given up last is told, too, as long as somebody listens.
      if (lane.freshCount > 0 || lane.spooled > 0 || lane.losses.all().length > 0) return false;
    }
    return true;
  }

  #newPool(): Pool {
    const generation = ++this.#generation;
    const context: BrokerContext = {
      name: this.name,
      agent: this.#parts.agent,
      clock: this.#parts.clock,
      warn: (message) => this.#parts.log.warn({ sink: this.name }, message),
      blocked: (reason) => {
        if (generation === this.#generation) this.#health.blocked(reason);
      },
    };
    return new Pool(this.#openBroker(context));
  }

  #sendersOf(lane: Lane): readonly Sender[] {
    const known = this.#senders.get(lane);
    if (known) return known;
    const senders = (['first', 'second'] as const).map((role) => new Sender(lane, role, this.#senderParts));
    this.#senders.set(lane, senders);
    return senders;
  }

  #kickAll(): void {
    for (const lane of this.#intake.lanes.values()) for (const sender of this.#sendersOf(lane)) sender.kick();
  }

  #partsOfSenders(): SenderParts {
    const { name, clock, log } = this.#parts;
    const shared = { name, clock, log, health: this.#health, keeper: this.#keeper, pacer: this.#pacer };
    return {
      ...shared,
      notices: this.#notices,
      dead: this.#dead,
      options: () => this.#senderOptions,
      flushing: () => this.#flushing,
      stopped: () => this.#stopped,
      paused: () => this.#pausedSince !== undefined,
      write: (batch) => this.#writer.write(this.#pool, this.#settings.timeout, batch),
      // What failed is not to be trusted to memory any longer.
      onFailure: () => this.#keeper.work(),
      onSettled: (lane) => {
        for (const sender of this.#sendersOf(lane)) if (sender.resting) sender.kick();
      },
      onRest: () => {
        for (const look of this.#onRest.splice(0)) look();
      },
    };
  }
}
