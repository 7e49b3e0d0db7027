/** Says what is wrong with one of many when it begins, when it changes and when it ends, not at every sample. */
import type { SensorContext } from './sensor.ts';

export class Complaints {
  readonly #context: Pick<SensorContext, 'warn' | 'info'>;
  readonly #open = new Map<string, string>();

  constructor(context: Pick<SensorContext, 'warn' | 'info'>) {
    this.#context = context;
  }

  /** What is wrong with `what` now, or undefined when nothing is. */
  tell(what: string, why: string | undefined): void {
    if (this.#open.get(what) === why) return;
    if (why === undefined) {
      this.#open.delete(what);
      this.#context.info(`${what}: all is well again`);
    } else {
      this.#open.set(what, why);
      this.#context.warn(`${what}: ${why}`);
    }
  }
}
