/** One target: pings it the way it is to be pinged, within a deadline, and says what came of it. Never rejects. */
import { isIP, type Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { DeadlineExceeded, withDeadline } from '../deadline.ts';
import { reveal, SecretFile, sourceOf } from '../http-client/secret-file.ts';
import { formatDuration } from '../options.ts';
import { asFailure, nameOf, openSocket, type Place, secure, type TlsOptions } from './connect.ts';
import { askDns } from './dns.ts';
import { askOver } from './http.ts';
import { askPing, type PingCommand } from './icmp.ts';
import { CHECKS, type Check, type TargetOptions } from './options.ts';
import { type Ping, PingFailure, type Seen, Stopwatch } from './ping.ts';

export interface PingerParts {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly pingCommand: PingCommand;
}

/** What one ping is given. `now` is Unix time in seconds. */
interface Attempt {
  readonly now: number;
  readonly watch: Stopwatch;
  readonly seen: Seen;
  readonly signal: AbortSignal;
}

export class Pinger {
  readonly check: Check;
  readonly #given: TargetOptions;
  readonly #parts: PingerParts;
  readonly #tls: TlsOptions;
  readonly #headers: readonly (readonly [string, string | SecretFile])[];

  constructor(given: TargetOptions, parts: PingerParts) {
    this.check = CHECKS.find((check) => given[check] !== undefined) as Check;
    this.#given = given;
    this.#parts = parts;
    const files = (['ca', 'cert', 'key'] as const).flatMap((name) => {
      const path = given[name];
      return path === undefined ? [] : [[name, new SecretFile(path)] as const];
    });
    this.#tls = { serverName: given.server_name, verify: given.verify ?? true, minValidity: given.min_validity ?? 0, files };
    this.#headers = Object.entries(given.headers ?? {}).map(([name, value]) => [name, sourceOf(value)]);
  }

  /** `now` is Unix time in seconds. */
  async ping(now: number, signal: AbortSignal): Promise<Ping> {
    const { clock, timeoutMs } = this.#parts;
    const watch = new Stopwatch(clock);
    const seen: Seen = {};
    const controller = new AbortController();
    const give = (): void => controller.abort(signal.reason);
    if (signal.aborted) give();
    signal.addEventListener('abort', give, { once: true });
    let failure: PingFailure | undefined;
    try {
      const run = (inner: AbortSignal): Promise<void> => this.#run({ now, watch, seen, signal: inner });
      await withDeadline(clock, timeoutMs, 'a ping', run, undefined, controller);
    } catch (error) {
      failure = error instanceof DeadlineExceeded ? this.#late(watch) : asFailure(error, this.#where());
    } finally {
      signal.removeEventListener('abort', give);
    }
    return { failure, phases: watch.phases, seen };
  }

  async #run({ now, watch, seen, signal }: Attempt): Promise<void> {
    const { dns, icmp, http } = this.#given;
    if (icmp !== undefined) return watch.end(await askPing(icmp, this.#parts.pingCommand, signal));
    if (dns !== undefined) await askDns(dns, this.#given, this.#parts.timeoutMs, watch, seen, signal);
    else if (http !== undefined) await this.#askHttp(new URL(http), { now, watch, seen, signal });
    else {
      const socket = await openSocket(this.#place(), watch, signal);
      await this.#over(socket, async () => {
        if (this.check === 'tls') await secure(socket, this.#place(), this.#tls, now, watch, seen, signal);
      });
    }
    watch.end();
    return undefined;
  }

  async #askHttp(url: URL, { now, watch, seen, signal }: Attempt): Promise<void> {
    const headers: Record<string, string> = {};
    for (const [name, value] of this.#headers) headers[name.toLowerCase()] = await reveal(value, `the header ${name}`);
    const place = this.#place();
    const socket = await openSocket(place, watch, signal);
    await this.#over(socket, async () => {
      const over = url.protocol === 'https:' ? await secure(socket, place, this.#tls, now, watch, seen, signal) : socket;
      await askOver(over, url, this.#given, headers, watch, seen, signal);
    });
  }

  /** The connection ends with the work, however that ends. */
  async #over(socket: Socket, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } finally {
      socket.destroy();
    }
  }

  #place(): Place {
    const { tcp, tls, unix, http } = this.#given;
    if (unix !== undefined) return { path: unix };
    const direct = tcp ?? tls;
    if (direct) return direct;
    const url = new URL(http as string);
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    return { host, port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80) };
  }

  /** What it pings, in words: `tcp 127.0.0.1:80`. Of a URL without its query, which may hold a secret. */
  get target(): string {
    const url = this.#given.http === undefined ? undefined : new URL(this.#given.http);
    return `${this.check} ${url ? `${url.origin}${url.pathname}` : this.#where()}`;
  }

  /** The target in messages. */
  #where(): string {
    const { dns, icmp } = this.#given;
    return dns ?? icmp ?? nameOf(this.#place());
  }

  #late(watch: Stopwatch): PingFailure {
    const { dns, icmp, http, tls } = this.#given;
    const say = (what: string): PingFailure =>
      new PingFailure('timeout', `${this.#where()}: ${what} within ${formatDuration(Math.round(this.#parts.timeoutMs))}`);
    if (dns !== undefined || icmp !== undefined) return say('no answer');
    const place = this.#place();
    const named = 'host' in place && isIP(place.host) === 0;
    switch (watch.reached) {
      case undefined:
        return say(named ? 'its name was not found' : 'no connection');
      case 'dns':
        return say('no connection');
      case 'connect':
        return say(tls !== undefined || http?.startsWith('https:') ? 'no TLS' : 'no answer');
      case 'tls':
        return say('no answer');
      default:
        return say('no whole answer');
    }
  }
}
