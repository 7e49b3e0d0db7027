/**
 * Reads the configuration again and applies it, for whoever asks: a signal, an operator. One after the other, and none before the start is
 * done. A wrong configuration changes nothing.
 */
import type { Config } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import { formatMistake } from '../config/mistake.ts';
import { describe } from '../errors.ts';
import type { Log } from '../log.ts';

export class Reloading {
  readonly #load: () => Promise<Loaded>;
  readonly #log: Log;
  readonly #apply: (config: Config) => Promise<void>;
  #last: Promise<unknown> = Promise.resolve();

  /** `apply` brings what runs to what the configuration says. */
  constructor(load: () => Promise<Loaded>, log: Log, apply: (config: Config) => Promise<void>) {
    this.#load = load;
    this.#log = log;
    this.#apply = apply;
  }

  /** Nothing is reloaded until the start is done. */
  begin(started: Promise<void>): void {
    this.#last = started;
  }

  /** Resolves with what is wrong, or with nothing when the configuration is in force. */
  async reload(): Promise<string | undefined> {
    const mine = this.#last.then(async () => await this.#reload());
    this.#last = mine;
    return await mine;
  }

  async #reload(): Promise<string | undefined> {
    let loaded: Loaded;
    try {
      loaded = await this.#load();
    } catch (error) {
      this.#log.error({}, `the configuration is wrong, the old one stays in force:\n${describe(error)}`);
      return describe(error);
    }
    const { config, warnings } = loaded;
    for (const warning of warnings) this.#log.warn({}, formatMistake(warning));
    try {
      await this.#apply(config);
    } catch (error) {
      this.#log.error({ reason: describe(error) }, 'the configuration is in force, but for what failed');
      return describe(error);
    }
    this.#log.info({ sensors: config.sensors.length, sinks: config.sinks.length }, 'the configuration is reloaded');
    return undefined;
  }
}
