/** Stops waiting, which is not the same as stopping what is waited for. */

/** Settles as the promise does, or rejects with the signal's reason as soon as that aborts; the promise then settles unheard. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * `abortable` for one wait after another with the same signal, which one listener serves: adding and removing one for each wait costs more than
 * the wait. With another signal, waits on the one before still end with that.
 */
export class Waits {
  #signal: AbortSignal | undefined;
  #open = new Set<(reason: Error) => void>();

  until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
    if (signal !== this.#signal) this.#listen(signal);
    const open = this.#open;
    return new Promise<T>((resolve, reject) => {
      if (signal.aborted) reject(signal.reason as Error);
      else open.add(reject);
      promise.then(
        (value) => {
          open.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          open.delete(reject);
          reject(error);
        },
      );
    });
  }

  #listen(signal: AbortSignal): void {
    const open = new Set<(reason: Error) => void>();
    this.#signal = signal;
    this.#open = open;
    const abort = (): void => {
      for (const reject of open) reject(signal.reason as Error);
    };
    if (!signal.aborted) signal.addEventListener('abort', abort, { once: true });
  }
}
