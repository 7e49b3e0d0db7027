/** A page of metrics that can be made to fail in the ways in which such pages do. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pageParts, writePage } from '../page.ts';

export const TARGET_FAULTS = ['status', 'malformed', 'cut off', 'hanging', 'empty'] as const;
export type TargetFault = (typeof TARGET_FAULTS)[number];

/** Pages with other values, made before. */
const VALUES = 8;

/** Pages with many kinds of metrics and three to seven labels each. */
export function variedPages(samples: number): Buffer[] {
  const parts = pageParts({ samples, seed: 1 });
  return Array.from({ length: VALUES }, (_, seed) => writePage(parts, seed));
}

/** Pages with two labels each, so that a sample is some 0.1 KB when it is delivered. */
export function plainPages(samples: number): Buffer[] {
  const line = (i: number, value: number): string =>
    `node_requests_${i % 20}_total{instance="10.0.0.${i % 250}",core="${i}"} ${1000 * i + value}\n`;
  return Array.from({ length: VALUES }, (_, value) =>
    Buffer.from(Array.from({ length: samples }, (_sample, i) => line(i, value)).join('')),
  );
}

export class Target {
  /** How it fails now, if it does. */
  fault: TargetFault | undefined;
  readonly #pages: readonly Buffer[];
  readonly #server: Server;
  #served = 0;

  private constructor(pages: readonly Buffer[]) {
    this.#pages = pages;
    this.#server = createServer({ keepAliveTimeout: 120_000 }, (_request, response) => this.#answer(response));
  }

  /** Serves these by turns. */
  static async start(pages: readonly Buffer[]): Promise<Target> {
    const target = new Target(pages);
    target.#server.listen(0, '127.0.0.1');
    await once(target.#server, 'listening');
    return target;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/metrics`;
  }

  /** How many pages it has given. */
  get served(): number {
    return this.#served;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(response: ServerResponse<IncomingMessage>): void {
    const page = this.#pages[this.#served++ % this.#pages.length] as Buffer;
    if (this.fault === 'status') return void response.writeHead(503).end('not now');
    if (this.fault === 'hanging') return;
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4', 'content-length': page.length });
    if (this.fault === 'cut off') response.write(page.subarray(0, page.length / 2), () => response.destroy());
    else if (this.fault === 'malformed') response.end(Buffer.alloc(page.length, '{ this is no page\n'));
    else if (this.fault === 'empty') response.end(Buffer.alloc(page.length, '\n'));
    else response.end(page);
  }
}
