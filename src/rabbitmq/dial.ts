/**
 * Opens an AMQP connection: one host after another until one takes it, each within `connect_timeout`. The first one is random, so that many
 * agents spread over a cluster; a host that failed is passed over at the next attempt. Files are read anew each time.
 */
import { readFile } from 'node:fs/promises';
import { type ChannelModel, connect, credentials, type Options, type SocketOptions } from 'amqplib';
import type { Clock } from '../clock.ts';
import { describe, SinkError } from '../errors.ts';
import { holdSecret } from '../held-secrets.ts';
import { destroySocket, isOver } from './amqp.ts';
import { connectError } from './classify.ts';
import type { ConnectOptions } from './options.ts';

export class Dialer {
  readonly #options: ConnectOptions;
  readonly #clock: Clock;
  readonly #connectionName: string;
  #next: number;

  /** `connectionName` is what the broker's operators see. `random` yields numbers from 0 to below 1. */
  constructor(options: ConnectOptions, clock: Clock, connectionName: string, random: () => number = Math.random) {
    this.#options = options;
    this.#clock = clock;
    this.#connectionName = connectionName;
    this.#next = Math.floor(random() * options.hosts.length);
  }

  /** Throws `SinkError`: misconfigured when one of the hosts is reached and refuses. Its listeners are the caller's to add at once. */
  async open(signal: AbortSignal): Promise<ChannelModel> {
    const { hosts } = this.#options;
    const failures: SinkError[] = [];
    for (const _ of hosts) {
      const host = hosts[this.#next % hosts.length] as string;
      try {
        return await this.#try(host, signal);
      } catch (error) {
        this.#next = (this.#next + 1) % hosts.length;
        failures.push(connectError(host, this.#options, error));
        if (signal.aborted) break;
      }
    }
    const [first] = failures;
    if (first !== undefined && failures.length === 1) throw first;
    const code = failures.some((failure) => failure.code === 'misconfigured') ? 'misconfigured' : 'transient';
    throw new SinkError(code, failures.map((failure) => failure.message).join('; '), { cause: first });
  }

  async #try(host: string, signal: AbortSignal): Promise<ChannelModel> {
    const timeout = this.#options.connect_timeout;
    // amqplib gives no way to stop an attempt, but hands this to the socket.
    const attempt = new AbortController();
    const give = (why: Error): void => attempt.abort(why);
    const abort = (): void => give(new Error('given up'));
    const cancel = this.#clock.after(timeout, () => give(new Error(`no answer within ${timeout} ms`)));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const model = await connect(this.#address(host), await this.#socketOptions(attempt.signal));
      if (isOver(model)) {
        destroySocket(model);
        throw new Error('the broker closed the connection at once');
      }
      return model;
    } catch (error) {
      throw attempt.signal.aborted ? attempt.signal.reason : error;
    } finally {
      cancel();
      signal.removeEventListener('abort', abort);
    }
  }

  #address(host: string): Options.Connect {
    const { vhost, heartbeat, tls } = this.#options;
    const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(host) ?? [];
    return {
      protocol: tls ? 'amqps' : 'amqp',
      hostname: bracketed ?? plain ?? host,
      port: Number(port ?? (tls ? 5671 : 5672)),
      // amqplib takes it percent-encoded, as in a URL.
      vhost: encodeURIComponent(vhost),
      heartbeat: Math.max(1, Math.round(heartbeat / 1000)),
    };
  }

  async #socketOptions(signal: AbortSignal): Promise<SocketOptions> {
    const { tls, auth, user = 'guest' } = this.#options;
    const login = auth === 'external' ? credentials.external() : credentials.plain(user, await this.#password());
    const socket = {
      signal,
      // Without it small batches wait for the acknowledgement of the packet before.
      noDelay: true,
      keepAlive: true,
      credentials: login,
      clientProperties: { connection_name: this.#connectionName },
    };
    if (!tls) return socket;
    return {
      ...socket,
      ...(tls.ca !== undefined && { ca: await read('tls.ca', tls.ca) }),
      ...(tls.cert !== undefined && { cert: await read('tls.cert', tls.cert) }),
      ...(tls.key !== undefined && { key: await read('tls.key', tls.key) }),
      ...(tls.key_password !== undefined && { passphrase: tls.key_password }),
      ...(tls.server_name !== undefined && { servername: tls.server_name }),
    };
  }

  async #password(): Promise<string> {
    const { password, password_file } = this.#options;
    if (password_file === undefined) return password ?? 'guest';
    const [line = ''] = (await read('password_file', password_file)).toString('utf8').split(/\r?\n/, 1);
    if (line === '') throw new SinkError('misconfigured', `password_file ${password_file} has no password in its first line`);
    return holdSecret(line);
  }
}

async function read(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new SinkError('misconfigured', `cannot read ${option} ${path}: ${describe(error)}`, { cause: error });
  }
}
