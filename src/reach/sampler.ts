/**
 * One instance of the sensor `node`: pings all targets at once, whose number the options limit, and keeps what state each is in.
 *
 * The states are kept across restarts in the instance's own file, which is written when one of them changes. A target that could not be tried
 * (no command ping, a token that cannot be read) stays in its state.
 */
import { type Clock, systemClock } from '../clock.ts';
import { Complaints } from '../complaints.ts';
import type { SensorContext } from '../sensor.ts';
import { PING, type PingCommand } from './icmp.ts';
import type { Check, NodeOptions } from './options.ts';
import type { Ping } from './ping.ts';
import { Pinger } from './pinger.ts';
import { type KeptTarget, keptOf, type State, TargetState, type Transition } from './state.ts';

/** The share of a sample's time that a ping may take, so that what became of it can still be told. */
const SHARE = 0.9;

export interface Result {
  readonly name: string;
  readonly check: Check;
  readonly ping: Ping;
  readonly state: State;
  /** Undefined while the state is not known. Unix time, and how long ago that is, in seconds. */
  readonly since: number | undefined;
  readonly lasted: number | undefined;
  readonly failures: number;
  readonly transition: Transition | undefined;
}

interface Target {
  readonly name: string;
  readonly pinger: Pinger;
  readonly state: TargetState;
}

/** What a test replaces. */
export interface SamplerParts {
  readonly clock?: Clock;
  readonly pingCommand?: PingCommand;
}

export class NodeSampler {
  readonly #targets: readonly Target[];
  readonly #context: SensorContext;
  readonly #complaints: Complaints;
  #saved: Promise<void> = Promise.resolve();

  constructor(given: NodeOptions, context: SensorContext, { clock = systemClock, pingCommand = PING }: SamplerParts = {}) {
    const { targets, down_after: downAfter, up_after: upAfter, ping_timeout: longest } = given;
    const parts = { clock, pingCommand, timeoutMs: Math.min(longest, SHARE * context.timeout) };
    const kept = keptOf(context.state.load());
    this.#context = context;
    this.#complaints = new Complaints(context);
    this.#targets = Object.entries(targets).map(([name, target]) => {
      const pinger = new Pinger(target, parts);
      const before = kept.get(name);
      const own = before?.target === pinger.target ? { state: before.state, since: before.since } : undefined;
      return { name, pinger, state: new TargetState({ downAfter, upAfter }, own) };
    });
  }

  /** `time` is Unix time in milliseconds. */
  async sample(signal: AbortSignal, time: number): Promise<Result[]> {
    const now = time / 1000;
    const results = await Promise.all(this.#targets.map((target) => this.#ping(target, now, signal)));
    // A sample that was given up says nothing of the targets.
    if (!signal.aborted && results.some(({ transition }) => transition)) this.#save();
    return results;
  }

  async close(): Promise<void> {
    await this.#saved;
  }

  async #ping({ name, pinger, state }: Target, now: number, signal: AbortSignal): Promise<Result> {
    const ping = await pinger.ping(now, signal);
    const { failure } = ping;
    const untried = signal.aborted || failure?.kind === 'unavailable' || failure?.kind === 'credentials';
    const transition = untried ? undefined : state.tell(!failure, now);
    if (!signal.aborted) this.#complaints.tell(name, failure?.message);
    const { kept, failures } = state;
    return {
      name,
      check: pinger.check,
      ping,
      state: state.state,
      since: kept?.since,
      lasted: state.lasted(now),
      failures,
      transition,
    };
  }

  #save(): void {
    const targets: Record<string, KeptTarget> = {};
    for (const { name, pinger, state } of this.#targets) if (state.kept) targets[name] = { ...state.kept, target: pinger.target };
    this.#saved = this.#context.state.save({ targets });
  }
}
