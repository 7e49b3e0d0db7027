/** Time as a parameter, so that a test owns it. */

export interface Clock {
  /** Unix time in milliseconds. It may jump, in both directions. */
  wall(): number;
  /** Milliseconds since some moment. Never jumps, never goes back; stands still while the machine is suspended. */
  monotonic(): number;
  /** Calls `fn` once, `ms` from now. The returned function cancels. */
  after(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};
