/** A limit on how long anything may take. */
import type { Clock } from './clock.ts';

export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';
}

/**
 * Runs `work` and rejects with `DeadlineExceeded` when it has not settled within `ms`. The signal aborts then; work that does not heed it
 * goes on; `late` is told when it succeeds after all, and nobody when it fails, as work that heeds the signal does.
 * `controller` may serve one call after another until one of them is aborted: making one costs more than the rest of this.
 */
export function withDeadline<T>(
  clock: Clock,
  ms: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => void = () => {},
  controller = new AbortController(),
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let open = true;
    const cancel = clock.after(ms, () => {
      open = false;
      const error = new DeadlineExceeded(`${what} took longer than ${ms} ms`);
      controller.abort(error);
      reject(error);
    });
    const settle = (finish: () => void, tooLate?: () => void): void => {
      if (!open) return tooLate?.();
      open = false;
      cancel();
      finish();
    };
    // The call itself may throw, so it is made inside a promise.
    new Promise<T>((take) => take(work(controller.signal))).then(
      (value) => settle(() => resolve(value), late),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
