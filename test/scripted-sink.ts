/** A destination whose every answer a test chooses, and that remembers what it was given and what it confirmed. */
import { SinkError, type SinkErrorCode } from '../src/errors.ts';
import type { TideEvent } from '../src/event.ts';
import type { Runner } from '../src/runner.ts';
import type { RunnerOptions } from '../src/runner-types.ts';
import type { Sink } from '../src/sink.ts';
import type { FakeClock } from './clock.ts';

/**
 * How a call is answered.
 *   ok, twice     at once; by a thenable that calls back twice, and then fails
 *   slow          half the deadline later
 *   throw, odd    it throws before there is a promise: an error; something that is none and has no text
 *   nothing       it fails, with nothing for an error
 *   hang, heed    never; by failing when the signal aborts, as a good sink does
 *   late          well after the deadline it succeeds; late_error fails then
 *   lost          what was given arrives, and the answer is a failure
 *   poison        events whose number is in `poison` are rejected, with all that is given with them
 * or a failure with that code.
 */
export type Answer =
  | 'ok'
  | 'twice'
  | 'slow'
  | 'throw'
  | 'odd'
  | 'nothing'
  | 'hang'
  | 'heed'
  | 'late'
  | 'late_error'
  | 'lost'
  | 'poison'
  | SinkErrorCode;

export const ANSWERS: readonly Answer[] = [
  ...(['ok', 'twice', 'slow', 'throw', 'odd', 'nothing', 'hang', 'heed', 'late', 'late_error', 'lost', 'poison'] as const),
  ...(['transient', 'blocked', 'rejected', 'misconfigured'] as const),
];

type Method = 'open' | 'connect' | 'write' | 'close';

export class Destination {
  /** The answers from now on. `open` may be `ok` or fail. */
  answers: Record<Method, Answer> = { open: 'ok', connect: 'ok', write: 'ok', close: 'ok' };
  /** Events with these numbers are never taken. */
  poison: (n: number) => boolean = () => false;
  /** Numbers in the order of their arrival, with repeats. */
  readonly arrived: number[] = [];
  /** Numbers whose arrival was confirmed in time to a runner that was there to hear it. */
  readonly confirmed: number[] = [];
  readonly #done = new Set<number>();
  /** The highest number that was ever in a batch. */
  #highest = 0;
  /** Numbers rejected alone. */
  readonly rejected: number[] = [];
  /** Sizes of the batches, and the time of each. */
  readonly writes: { events: number; bytes: number; at: number }[] = [];
  readonly calls: Record<Method, number> = { open: 0, connect: 0, write: 0, close: 0 };
  /** What a sink may rely on and was not given. */
  readonly violations: string[] = [];
  readonly #clock: FakeClock;
  readonly #timeout: number;

  /** `timeout` is the deadline of each call, in milliseconds. */
  constructor(clock: FakeClock, timeout: number) {
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** One opened sink of it. `owner` is who is told whether events arrived, and should keep to `limits`. */
  open(owner: () => Runner, limits?: RunnerOptions['batch']): Sink {
    this.calls.open++;
    if (this.answers.open !== 'ok') throw new Error('no sink today');
    const state = { connected: false, pending: undefined as string | undefined };
    return {
      connect: (signal) => this.#call(state, 'connect', signal, () => {}),
      write: (batch, signal) => {
        if (!state.connected) this.violations.push('a write before connect');
        const bytes = batch.reduce((sum, event) => sum + event.bytes, 0);
        if (limits && batch.length > 1 && (batch.length > limits.max_events || bytes > limits.max_bytes))
          this.violations.push(`a batch of ${batch.length} events and ${bytes} bytes`);
        return this.#write(state, batch, signal, owner);
      },
      close: () => this.#call(state, 'close', undefined, () => {}),
    };
  }

  #write(state: State, batch: readonly TideEvent[], signal: AbortSignal, owner: () => Runner): Promise<void> {
    const numbers = batch.map(({ n }) => n);
    this.writes.push({
      events: batch.length,
      bytes: batch.reduce((sum, { bytes }) => sum + bytes, 0),
      at: this.#clock.monotonic(),
    });
    this.#examine(numbers);
    const { write } = this.answers;
    const refused = write === 'rejected' || (write === 'poison' && numbers.some(this.poison));
    if (refused && batch.length === 1) {
      this.rejected.push(...numbers);
      this.#done.add(numbers[0] as number);
    }
    return this.#call(
      state,
      'write',
      signal,
      (sure) => {
        this.arrived.push(...numbers);
        if (!sure || owner().status().state === 'stopped') return;
        this.confirmed.push(...numbers);
        for (const n of numbers) this.#done.add(n);
      },
      refused,
    );
  }

  /** What is settled is not sent again; what is sent the first time comes after all that was sent before. */
  #examine(numbers: readonly number[]): void {
    if (numbers.length === 0) this.violations.push('an empty batch');
    numbers.forEach((n, i) => {
      if (this.#done.has(n)) this.violations.push(`${n} is sent again`);
      if (i > 0 && n <= (numbers[i - 1] as number)) this.violations.push(`${n} is out of order`);
    });
    // A batch of old numbers and new ones ends with the new ones.
    const highest = this.#highest;
    this.#highest = Math.max(highest, ...numbers);
    for (const n of numbers) if (n < highest && !this.#offered.has(n)) this.violations.push(`${n} comes after ${highest}`);
    for (const n of numbers) this.#offered.add(n);
  }
  readonly #offered = new Set<number>();

  /** Answers one call; `arrive` is what it does at the destination, `sure` whether the caller hears of it in time. */
  #call(state: State, method: Method, signal: AbortSignal | undefined, arrive: (sure: boolean) => void, refused = false) {
    this.calls[method]++;
    // A call may be given up, and after that the only one that may follow it is `close`.
    if (state.pending && method !== 'close') this.violations.push(`${method} while ${state.pending} is not over`);
    const answer = refused ? 'rejected' : this.answers[method];
    if (answer === 'throw') throw new Error('thrown');
    if (answer === 'odd') throw Object.create(null);
    if (method === 'close') state.connected = false;
    const done = (sure: boolean) => (): void => {
      if (method === 'connect') state.connected = true;
      arrive(sure);
    };
    if (answer === 'twice') return answeringTwice(done(true));
    const promise = this.#answer(answer, signal, done);
    state.pending = method;
    const end = (): void => {
      if (state.pending === method) state.pending = undefined;
    };
    promise.then(end, end);
    return promise;
  }

  #answer(answer: Answer, signal: AbortSignal | undefined, done: (sure: boolean) => () => void): Promise<void> {
    const after = (ms: number) => new Promise<void>((resolve) => this.#clock.after(ms, resolve));
    const late = this.#timeout * 1.5;
    if (answer === 'ok' || answer === 'poison') return Promise.resolve().then(done(true));
    if (answer === 'slow') return after(this.#timeout / 2).then(done(true));
    // oxlint-disable-next-line prefer-promise-reject-errors -- what a careless sink does
    if (answer === 'nothing') return Promise.reject();
    if (answer === 'hang') return new Promise(() => {});
    if (answer === 'late') return after(late).then(done(false));
    if (answer === 'lost') done(false)();
    if (answer === 'late_error' || (answer === 'heed' && !signal)) return after(late).then(fail(new Error('failed late')));
    if (answer === 'heed')
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
    const code = answer === 'lost' ? 'transient' : (answer as SinkErrorCode);
    return Promise.reject(new SinkError(code, `it is ${code}`));
  }
}

interface State {
  connected: boolean;
  pending: string | undefined;
}

const fail = (error: Error) => (): never => {
  throw error;
};

/** A thenable that calls back twice and then fails. */
function answeringTwice(done: () => void): Promise<void> {
  const thenable = {
    then(resolve: () => void, reject: (error: Error) => void) {
      done();
      resolve();
      resolve();
      reject(new Error('and fails'));
    },
  };
  return thenable as unknown as Promise<void>;
}
