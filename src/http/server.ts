/**
 * Where the API and the page are served: the addresses of `http.listen`, under whatever configuration is in force.
 *
 *   off ──configure──▶ listening ──configure──▶ listening elsewhere, or off ──close──▶ off
 *
 * The token and the certificates are looked at every LOOK_MS and at each reload. What cannot be had at the start ends the service with a
 * reason; only the default address, which nobody asked for, may be another's: then there is no page, and it is said. What cannot be had
 * at a reload is said, and what was stays where it can.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { describe, errno, UsageError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createListener, type Handle, listenAt } from './listener.ts';
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
  readonly address: Address;
}

export class HttpServer {
  readonly #service: Pick<Service, 'clock' | 'log'>;
  readonly #handle: Handle;
  readonly #log: Log;
  #options: string | undefined;
  #secrets: ServerSecrets | undefined;
  #listening: Listening[] = [];
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

  /** Listens as the options say. Throws `UsageError` when it cannot; then it listens nowhere. */
  async configure(options: HttpOptions): Promise<void> {
    const mark = JSON.stringify(options);
    if (mark === this.#options) return await this.#look();
    this.#stop();
    this.#options = undefined;
    if (options.enabled) await this.#listen(options);
    this.#options = mark;
  }

  close(): void {
    this.#stop();
  }

  async #listen(options: HttpOptions): Promise<void> {
    const secrets = new ServerSecrets(options);
    await secrets.readToken();
    const tls = await secrets.readTls();
    this.#secrets = secrets;
    for (const address of addressesOf(options)) {
      const caller = (incoming: IncomingMessage) => ({
        from: from(incoming),
        trusted: false,
        loopback: isLoopback(address),
        secure: tls !== undefined,
        token: secrets.token,
      });
      try {
        const secured = tls && { ...tls, ...(options.tls?.ca !== undefined && { requestCert: true }) };
        const server = await createListener({ handle: this.#handle, caller, connections: CONNECTIONS_MAX, tls: secured });
        const port = await listenAt(server, address.host, address.port);
        this.#listening.push({ server, address: { ...address, port } });
      } catch (error) {
        this.#stop();
        this.#refuse(error, address, options);
        return;
      }
    }
    this.#lookLater();
  }

  /** The default address is nobody's wish. */
  #refuse(error: unknown, address: Address, options: HttpOptions): void {
    const where = formatAddress(address);
    const taken = errno(error) === 'EADDRINUSE';
    if (options.listen === undefined && taken)
      return this.#log.warn(
        { address: where },
        'another program has the address of the page, so that there is none; http.listen names another',
      );
    const what = taken ? 'another program listens there' : describe(error);
    throw new UsageError(
      `http.listen: ${where}: ${what}; name another address, or set http.enabled to false`,
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
  #stop(): void {
    this.#cancelLook();
    for (const { server } of this.#listening.splice(0)) {
      server.close();
      server.closeIdleConnections();
      this.#service.clock.after(GRACE_MS, () => server.closeAllConnections());
    }
    this.#secrets = undefined;
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
