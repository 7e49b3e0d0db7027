/** All targets of a sensor: found by its sources, made into targets of the scheduler, and gone when no source names them any more. */
import { type Clock, systemClock } from '../clock.ts';
import { describe } from '../errors.ts';
import type { AnyTable, LabelMap } from '../event.ts';
import type { Sampler, Target } from '../sensor.ts';
import { addressOf } from './address.ts';
import { BodyPool } from './bodies.ts';
import { Credentials, TlsFiles } from './credentials.ts';
import type { Found, Source } from './discovery.ts';
import { DnsSource } from './dns-sd.ts';
import { Endpoint } from './endpoint.ts';
import { FileSource } from './file-sd.ts';
import { acceptHeader } from './negotiate.ts';
import type { ScrapeOptions } from './options.ts';
import { Pages } from './pages.ts';
import { SeriesPolicy } from './policy.ts';
import { schemasOf } from './schemas.ts';
import { Slots } from './slots.ts';
import { ScrapeTarget, type Shared } from './target.ts';

export class Fleet implements Sampler {
  readonly #options: ScrapeOptions;
  readonly #shared: Shared;
  readonly #sources: readonly Source[];
  readonly #credentials: Credentials;
  readonly #tls: TlsFiles;
  readonly #headers: Readonly<Record<string, string>>;
  /** One for each set of target labels, so that targets with the same share their pages. */
  readonly #policies = new Map<string, SeriesPolicy>();
  readonly #found: (readonly Found[])[];
  readonly #targets = new Map<string, { target: ScrapeTarget; key: string }>();
  #changed: (targets: readonly Target[]) => void = () => {};
  #problems: readonly string[] = [];
  #refused = 0;

  constructor(options: ScrapeOptions, clock: Clock = systemClock) {
    this.#options = options;
    this.#shared = {
      options,
      clock,
      schemas: schemasOf(options.prefix),
      slots: new Slots(options.max_in_flight, clock),
      bodies: new BodyPool(),
      pages: new Pages(),
    };
    this.#credentials = new Credentials(options);
    this.#tls = new TlsFiles(options.tls);
    this.#headers = {
      accept: acceptHeader({ protobuf: options.protobuf, strict: options.mode === 'strict' }),
      'accept-encoding': options.compression ? 'gzip' : 'identity',
      'user-agent': 'tidegate',
    };
    this.#sources = [
      ...(options.file_sd ? [new FileSource(options.file_sd, clock)] : []),
      ...(options.dns_sd ? [new DnsSource(options.dns_sd, clock)] : []),
    ];
    this.#found = [fixed(options), ...this.#sources.map(() => [])];
  }

  /** Resolves when every source has had its first look. */
  async start(): Promise<void> {
    const looks = this.#sources.map((source, i) =>
      source.start((found) => {
        this.#found[i + 1] = found;
        this.#update();
      }),
    );
    await Promise.all(looks);
    this.#update();
  }

  targets(changed: (targets: readonly Target[]) => void): void {
    this.#changed = changed;
    changed(this.#list());
  }

  sample(): AnyTable[] {
    const problems = [...this.#problems, ...this.#sources.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))];
    const failing = this.#list().filter(({ problem }) => problem !== undefined).length;
    const table = this.#shared.schemas.targets.table();
    return [table.add([problems.join('; ')], { count: this.#targets.size, failing, refused: this.#refused })];
  }

  close(): void {
    for (const source of this.#sources) source.stop();
    for (const { target } of this.#targets.values()) target.leave();
  }

  #list(): ScrapeTarget[] {
    return [...this.#targets.values()].map(({ target }) => target);
  }

  /** Makes the targets that are named now, and keeps those that were. */
  #update(): void {
    const problems: string[] = [];
    const wanted = new Map<string, { make: () => ScrapeTarget; key: string; path: string }>();
    for (const found of this.#found.flat()) {
      try {
        const { name, path, labels, make } = this.#planned(found);
        const same = wanted.get(name);
        if (!same) wanted.set(name, { make, key: JSON.stringify([path, labels]), path });
        else if (same.path !== path) problems.push(`${name} is there twice, with other tokens: the first is scraped`);
      } catch (error) {
        problems.push(describe(error));
      }
    }
    const { target_limit: limit } = this.#options;
    this.#refused = limit > 0 && wanted.size > limit ? wanted.size : 0;
    if (this.#refused > 0) {
      problems.push(`there are ${wanted.size} targets, more than target_limit, ${limit}: none of them is scraped`);
      wanted.clear();
    }
    this.#problems = problems;
    for (const [name, { key }] of this.#targets) if (wanted.get(name)?.key !== key) this.#targets.delete(name);
    for (const [name, { make, key }] of wanted) if (!this.#targets.has(name)) this.#targets.set(name, { target: make(), key });
    this.#changed(this.#list());
  }

  #planned({ target, labels: own }: Found): { name: string; path: string; labels: LabelMap; make: () => ScrapeTarget } {
    const { scheme, path, target_labels: common, follow_redirects: followRedirects, body_size_limit: bodyLimit } = this.#options;
    const { __scheme__: ownScheme = scheme, __metrics_path__: ownPath = path, __address__: _address, ...rest } = own;
    const address = addressOf(target, { scheme: ownScheme, path: ownPath });
    const labels: LabelMap = { instance: address.instance, ...common, ...rest };
    const make = (): ScrapeTarget => {
      const credentials = this.#credentials;
      const endpoint = new Endpoint(address, { credentials, tls: this.#tls, headers: this.#headers, followRedirects, bodyLimit });
      return new ScrapeTarget(address.shown, labels, endpoint, this.#policy(Object.keys(labels)), this.#shared);
    };
    return { name: address.shown, path: address.path, labels, make };
  }

  #policy(names: readonly string[]): SeriesPolicy {
    const key = JSON.stringify(names.toSorted());
    const policy = this.#policies.get(key) ?? new SeriesPolicy(this.#options, names);
    this.#policies.set(key, policy);
    return policy;
  }
}

/** The targets that the configuration itself names. */
function fixed({ targets = [] }: ScrapeOptions): Found[] {
  return targets.flatMap((entry) =>
    typeof entry === 'string'
      ? [{ target: entry, labels: {} }]
      : entry.targets.map((target) => ({ target, labels: entry.labels })),
  );
}
