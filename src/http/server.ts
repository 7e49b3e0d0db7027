/**
 * Where the API and the page are served: the addresses of `http.listen`, under whatever configuration is in force.
 *
 *   off ──configure──▶ listening ──configure──▶ listening elsewhere, or off ──close──▶ off
 *
 * The token and the certificates are looked at every LOOK_MS and at each reload. What cannot be had at the start ends the service with a
 * reason; only the default address, which nobody asked for, may be another's: then there is no page, and it is said. At a reload the new
 * place is taken before the old one is left, so that what cannot be had is said, and what was stays.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { describe, errno, UsageError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createListener, type Handle, listenAt, type TlsOptions } from './listener.ts';
import { type Address, addressesOf, formatAddress, type HttpOptions, isLoopback } from './options.ts';
import { ServerSecrets } from './secrets.ts';
import type { Service } from './service.ts';

/** Connections at one address. */
const CONNECTIONS_MAX = 64;
/** How often files are looked at, in milliseconds. */
const LOOK_MS = 30_000;
/** How long answers that are on their way have when what they come from closes, in milliseconds. */
const GRACE_MS = 15_000;
/** EX_UNAVAILABLE of sysexits.h. */
const EXIT_UNAVAILABLE = 69;

interface Listening {
  readonly server: Server | SecureServer;
  /** As the options name it, and with the port that it has. */
  readonly asked: string;
  readonly address: Address;
  /** Who is let in and how: what it cannot be told while it listens. */
  readonly rules: string;
  secrets: ServerSecrets;
}

export class HttpServer {
  readonly #service: Pick<Service, 'clock' | 'log'>;
  readonly #handle: Handle;
  readonly #log: Log;
  #options: string | undefined;
  #secrets: ServerSecrets | undefined;
  #listening: readonly Listening[] = [];
  #cancelLook: () => void = () => {};
  #complaint: string | undefined;

  constructor(service: Pick<Service, 'clock' | 'log'>, handle: Handle) {
    this.#service = service;
    this.#handle = handle;
    this.#log = service.log;
  }

  /** Where it can be asked, as URLs. */
  get urls(): string[] {
    return this.#listening.map(({ server, address }) => {
      const scheme = 'setSecureContext' in server ? 'https' : 'http';
      return `${scheme}://${formatAddress(reachable(address))}`;
    });
  }

  /** Listens as the options say. Throws `UsageError` when it cannot; then it listens where it did before. */
  async configure(options: HttpOptions): Promise<void> {
    const mark = JSON.stringify(options);
    if (mark === this.#options) return await this.#look();
    if (options.enabled) await this.#move(options);
    else this.close();
    this.#options = mark;
  }

  close(): void {
    this.#cancelLook();
    this.#stop(this.#listening);
    this.#listening = [];
    this.#secrets = undefined;
  }

  /** From where it listens to where it shall: what is the same goes on, and the rest ends when the new is there. */
  async #move(options: HttpOptions): Promise<void> {
    const secrets = new ServerSecrets(options);
    await secrets.readToken();
    const read = await secrets.readTls();
    const tls = read && { ...read, ...(options.tls?.ca !== undefined && { requestCert: true }) };
    const rules = JSON.stringify([options.token, options.tls]);
    const before = this.#listening;
    const next: Listening[] = [];
    const gaveWay: Listening[] = [];
    for (const address of addressesOf(options)) {
      const asked = formatAddress(address);
      const same = before.find((one) => one.asked === asked && one.rules === rules && !next.includes(one));
      try {
        next.push(same ?? (await this.#open({ asked, address, rules, secrets }, tls, before, gaveWay)));
      } catch (error) {
        this.#stop(next.filter((one) => !before.includes(one)));
        await this.#restore(gaveWay);
        return this.#refuse(error, address, options);
      }
    }
    this.#stop(before.filter((one) => !next.includes(one)));
    for (const one of next) {
      one.secrets = secrets;
      if (tls && 'setSecureContext' in one.server) one.server.setSecureContext(tls);
    }
    this.#secrets = secrets;
    this.#listening = next;
    this.#cancelLook();
    this.#lookLater();
  }

  async #open(
    about: Omit<Listening, 'server'>,
    tls: TlsOptions | undefined,
    before: readonly Listening[],
    gaveWay: Listening[],
  ): Promise<Listening> {
    const { address } = about;
    const caller = (incoming: IncomingMessage) => ({
      from: from(incoming),
      trusted: false,
      loopback: isLoopback(address),
      secure: tls !== undefined,
      token: listening.secrets.token,
    });
    const server = await createListener({ handle: this.#handle, caller, connections: CONNECTIONS_MAX, tls });
    const listening = { ...about, server };
    const listen = async (): Promise<Listening> => {
      const port = await listenAt(server, address.host, address.port);
      return Object.assign(listening, { address: { ...address, port } });
    };
    try {
      return await listen();
    } catch (error) {
      // What is in the way may be our own: the same address under other rules, or one address that all addresses include.
      const ours = before.filter((one) => one.address.port === address.port && !gaveWay.includes(one));
      if (errno(error) !== 'EADDRINUSE' || ours.length === 0) throw error;
      for (const one of ours) one.server.close();
      gaveWay.push(...ours);
      return await listen();
    }
  }

  /** Listens again where it ceased to for what could not be had then. */
  async #restore(gaveWay: readonly Listening[]): Promise<void> {
    for (const { server, address } of gaveWay) {
      try {
        await listenAt(server, address.host, address.port);
      } catch (error) {
        this.#log.error({ address: formatAddress(address), reason: describe(error) }, 'the page cannot be had there any more');
      }
    }
  }

  /** The default address is nobody's wish. */
  #refuse(error: unknown, address: Address, options: HttpOptions): void {
    const where = formatAddress(address);
    const taken = errno(error) === 'EADDRINUSE';
    const { urls } = this;
    if (options.listen === undefined && taken && urls.length === 0)
      return this.#log.warn(
        { address: where },
        'another program has the address of the page, so that there is none; http.listen names another',
      );
    const what = taken ? 'another program listens there' : describe(error);
    const stays = urls.length > 0 ? `; until then the page stays at ${urls.join(', ')}` : '';
    throw new UsageError(
      `http.listen: ${where}: ${what}; name another address, or set http.enabled to false${stays}`,
      taken ? EXIT_UNAVAILABLE : undefined,
    );
  }

  #lookLater(): void {
    this.#cancelLook = this.#service.clock.after(
      LOOK_MS,
      () => void this.#look().finally(() => this.#listening.length > 0 && this.#lookLater()),
    );
  }

  /** Takes what the files have now; what is wrong with one is said once, and what was read before stays. */
  async #look(): Promise<void> {
    try {
      await this.#secrets?.readToken();
      const tls = await this.#secrets?.readTls();
      if (tls) for (const { server } of this.#listening) if ('setSecureContext' in server) server.setSecureContext(tls);
      this.#complaint = undefined;
    } catch (error) {
      const reason = describe(error);
      if (reason !== this.#complaint)
        this.#log.error({ reason }, 'a file of the page cannot be used; what it held before stays in force');
      this.#complaint = reason;
    }
  }

  /** Nobody else is let in from now on; answers that are on their way may end. */
  #stop(listening: readonly Listening[]): void {
    for (const { server } of listening) {
      server.close();
      server.closeIdleConnections();
      this.#service.clock.after(GRACE_MS, () => server.closeAllConnections());
    }
  }
}

const from = ({ socket }: IncomingMessage): string =>
  socket.remoteAddress === undefined
    ? 'a client that has gone'
    : formatAddress({ host: socket.remoteAddress, port: socket.remotePort ?? 0 });

/** Where all addresses of the machine are listened at, it is one of them. */
function reachable({ host, port }: Address): Address {
  return { host: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port };
}
