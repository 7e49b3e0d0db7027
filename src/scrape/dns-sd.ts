/** Targets from DNS: A and AAAA records with a port of the configuration's, SRV records with their own. */
import { Resolver } from 'node:dns/promises';
import type { Clock } from '../clock.ts';
import { describe, errno } from '../errors.ts';
import { type Found, repeated, type Source } from './discovery.ts';
import type { DnsSdOptions } from './options.ts';

/** How long an answer is waited for, in milliseconds, and how often it is asked for. */
const TIMEOUT_MS = 2000;
const TRIES = 2;
/** The name has no records: an answer, not a failure. */
const NONE = new Set(['ENODATA', 'ENOTFOUND']);

export class DnsSource implements Source {
  problem: string | undefined;
  readonly #options: DnsSdOptions;
  readonly #clock: Clock;
  readonly #resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  /** What each name had when it was last answered. */
  readonly #answers = new Map<string, readonly string[]>();
  #stop: () => void = () => {};

  constructor(options: DnsSdOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    if (options.server !== undefined) this.#resolver.setServers([options.server]);
  }

  async start(changed: (found: readonly Found[]) => void): Promise<void> {
    let last: string | undefined;
    const look = async (): Promise<void> => {
      const found = await this.#look();
      const now = JSON.stringify(found);
      if (now === last) return;
      last = now;
      changed(found);
    };
    await look();
    this.#stop = repeated(this.#options.refresh, (ms, fn) => this.#clock.after(ms, fn), look);
  }

  stop(): void {
    this.#stop();
    this.#resolver.cancel();
  }

  async #look(): Promise<Found[]> {
    const problems: string[] = [];
    await Promise.all(
      this.#options.names.map(async (name) => {
        try {
          this.#answers.set(name, (await this.#ask(name)).toSorted());
        } catch (error) {
          if (NONE.has(errno(error) ?? '')) this.#answers.set(name, []);
          problems.push(`${this.#options.type} records of ${name}: ${describe(error)}`);
        }
      }),
    );
    this.problem = problems.length === 0 ? undefined : problems.toSorted().join('; ');
    const targets = new Set(this.#options.names.flatMap((name) => this.#answers.get(name) ?? []));
    return [...targets].map((target) => ({ target, labels: this.#options.labels }));
  }

  async #ask(name: string): Promise<string[]> {
    const { type, port } = this.#options;
    if (type === 'A') return (await this.#resolver.resolve4(name)).map((address) => `${address}:${port}`);
    if (type === 'AAAA') return (await this.#resolver.resolve6(name)).map((address) => `[${address}]:${port}`);
    return (await this.#resolver.resolveSrv(name)).map((record) => `${record.name}:${record.port}`);
  }
}
