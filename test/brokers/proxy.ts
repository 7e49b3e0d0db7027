/**
 * A TCP proxy on loopback that stands before a broker and fails in the ways of a network: reset, refused, silent, slow.
 *
 * Each connection is two pipes: `up` from the client to the broker, `down` back. A pipe that is stalled reads nothing, so that the
 * sender's buffers fill as they would behind a lost route; nothing is lost, and it goes on where it was.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePorts } from './owned.ts';

export type Direction = 'up' | 'down';

/** What waits in a pipe for its delay, in bytes, before it reads no more. */
const WAITING_MAX = 4 * 1024 * 1024;

export class Proxy {
  readonly port: number;
  /** `host:port` of the proxy. */
  readonly address: string;
  readonly #links = new Set<Link>();
  readonly #stalled = { up: false, down: false };
  readonly #passed = { up: 0, down: 0 };
  #unanswered = 0;
  #budget: { direction: Direction; bytes: number } | undefined;
  #delayMs = 0;
  #server: Server | undefined;
  #target: string | undefined;
  #accepted = 0;
  #cuts = 0;

  private constructor(port: number) {
    this.port = port;
    this.address = `127.0.0.1:${port}`;
  }

  /** A proxy before `host:port`; what stands behind it may also be said later, by `forwardTo`. */
  static async start(target?: string): Promise<Proxy> {
    const proxy = new Proxy((await freePorts(1))[0] as number);
    proxy.#target = target;
    await proxy.#listen();
    return proxy;
  }

  /** Sends new connections to `host:port`: for a broker that must know the proxy's port before it starts. */
  forwardTo(target: string): void {
    this.#target = target;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#links.size;
  }

  /** How many connections there have been. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many connections were reset by `cut` and `cutAfter`. */
  get cuts(): number {
    return this.#cuts;
  }

  /** How many bytes have passed, over all connections. */
  passed(direction: Direction): number {
    return this.#passed[direction];
  }

  /** How many bytes have passed up since something last passed down, over all connections. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Resets all connections, at both ends; new ones are taken. */
  cut(): void {
    for (const link of this.#links) this.#cutLink(link);
  }

  /** Listens no more, so that who comes is refused; connections that are there stay. */
  async refuse(on: boolean): Promise<void> {
    if (on === (this.#server === undefined)) return;
    if (!on) return await this.#listen();
    // Not awaited: a server is closed when its last connection is, but it listens no more at once.
    this.#server?.close();
    this.#server = undefined;
  }

  /** Stops reading and forwarding, in one direction or both, on connections that are there and new ones: half-open. */
  stall(on: boolean, direction?: Direction): void {
    for (const one of direction ? [direction] : (['up', 'down'] as const)) this.#stalled[one] = on;
    for (const link of this.#links) link.resume();
  }

  /** Holds what passes for this long, in milliseconds, each way. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Resets the connection on which this many more bytes have passed in this direction, over all connections; once. */
  cutAfter(bytes: number, direction: Direction): void {
    this.#budget = { bytes, direction };
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const link of this.#links) link.reset();
    if (!server) return;
    server.close();
    await once(server, 'close');
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
  }

  #accept(client: Socket): void {
    this.#accepted++;
    if (this.#target === undefined) return void client.resetAndDestroy();
    const [host, port] = this.#target.split(':') as [string, string];
    const broker = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
    const link: Link = new Link(client, broker, () => this.#links.delete(link));
    this.#links.add(link);
    this.#pipe(link, 'up', client, broker);
    this.#pipe(link, 'down', broker, client);
  }

  #pipe(link: Link, direction: Direction, from: Socket, to: Socket): void {
    const pipe = new Pipe(from, to, {
      stalled: () => this.#stalled[direction],
      delayMs: () => this.#delayMs,
      pass: (bytes) => this.#spend(direction, bytes),
      exhausted: () => this.#cutLink(link),
    });
    link.pipes.push(pipe);
  }

  /** How many of these bytes may pass. */
  #spend(direction: Direction, bytes: number): number {
    const budget = this.#budget?.direction === direction ? this.#budget : undefined;
    const allowed = Math.min(bytes, budget?.bytes ?? bytes);
    this.#passed[direction] += allowed;
    this.#unanswered = direction === 'up' ? this.#unanswered + allowed : 0;
    if (budget) {
      budget.bytes -= allowed;
      if (allowed < bytes) this.#budget = undefined;
    }
    return allowed;
  }

  #cutLink(link: Link): void {
    this.#cuts++;
    link.reset();
  }
}

/** A client's connection and the one to the broker that belongs to it. */
class Link {
  readonly pipes: Pipe[] = [];
  readonly #ends: readonly [Socket, Socket];

  constructor(client: Socket, broker: Socket, gone: () => void) {
    this.#ends = [client, broker];
    for (const [end, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      // A reset at one end is one at the other; so is a broker that refuses.
      end.on('error', () => other.resetAndDestroy());
      end.on('close', () => {
        if (client.destroyed && broker.destroyed) gone();
      });
    }
  }

  resume(): void {
    for (const pipe of this.pipes) pipe.resume();
  }

  reset(): void {
    for (const end of this.#ends) end.resetAndDestroy();
  }
}

interface PipeRules {
  stalled(): boolean;
  /** In milliseconds. */
  delayMs(): number;
  /** Takes a number of bytes, and answers how many of them may pass. */
  pass(bytes: number): number;
  /** Called when fewer may pass than came. */
  exhausted(): void;
}

/** One direction of a connection: what came and has not passed yet is in `waiting`, the end of the stream included. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #rules: PipeRules;
  readonly #waiting: { chunk: Buffer | undefined; due: number }[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #full = false;

  constructor(from: Socket, to: Socket, rules: PipeRules) {
    this.#from = from;
    this.#to = to;
    this.#rules = rules;
    from.on('data', (chunk) => this.#take(chunk));
    from.on('end', () => this.#take(undefined));
    from.on('close', () => clearTimeout(this.#timer));
    to.on('close', () => clearTimeout(this.#timer));
    to.on('drain', () => {
      this.#full = false;
      this.resume();
    });
    this.resume();
  }

  /** Forwards what is due, and reads again where it may. */
  resume(): void {
    clearTimeout(this.#timer);
    if (this.#from.destroyed && this.#to.destroyed) return;
    const now = performance.now();
    while (this.#waiting.length > 0 && !this.#rules.stalled() && !this.#full) {
      const { chunk, due } = this.#waiting[0] as { chunk: Buffer | undefined; due: number };
      if (due > now) {
        this.#timer = setTimeout(() => this.resume(), due - now);
        break;
      }
      this.#waiting.shift();
      this.#forward(chunk);
    }
    if (this.#rules.stalled() || this.#full || this.#bytes > WAITING_MAX) this.#from.pause();
    else this.#from.resume();
  }

  #take(chunk: Buffer | undefined): void {
    this.#waiting.push({ chunk, due: performance.now() + this.#rules.delayMs() });
    this.#bytes += chunk?.length ?? 0;
    this.resume();
  }

  #forward(chunk: Buffer | undefined): void {
    if (this.#to.destroyed) return;
    if (chunk === undefined) {
      this.#to.end();
      return;
    }
    this.#bytes -= chunk.length;
    const allowed = this.#rules.pass(chunk.length);
    if (allowed === chunk.length) {
      this.#full = !this.#to.write(chunk);
      return;
    }
    // Reset only when what may pass has been handed over: it is lost with the connection otherwise.
    this.#to.write(chunk.subarray(0, allowed), () => this.#rules.exhausted());
    this.#full = true;
  }
}
