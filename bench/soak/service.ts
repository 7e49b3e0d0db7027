/**
 * The published build in a process of its own whose clock runs faster, driven as an operator drives it: by its configuration, over its API.
 * What is fast is tidegate's own time; what a broker or a disk takes is real. So the deadlines that such a service is configured with are
 * the usual ones times its speed.
 */
import { once } from 'node:events';
import { mkdirSync, readdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { StatusView } from '../../src/http/view.ts';
import { freePorts, OwnedProcess } from '../../test/brokers/owned.ts';
import { imageMalloc, memoryMiB, REPOSITORY, sleep } from '../measure.ts';

const TOKEN = 'token-of-the-bench';
const START_MS = 30_000;
const ANSWER_MS = 30_000;
const STOP_MS = 20_000;

/** A configuration as YAML has it: JSON is YAML. */
export type Configuration = Record<string, unknown>;

export interface ServiceOptions {
  readonly folder: string;
  /** How many times as fast its clock is. */
  readonly speed: number;
  /** Unix time in milliseconds at which its clock begins. */
  readonly epoch: number;
  readonly config: Configuration;
}

export class FastService {
  readonly pid: number;
  readonly speed: number;
  /** Where its state is. */
  readonly state: string;
  readonly #port: number;
  readonly #process: OwnedProcess;
  readonly #folder: string;
  readonly #began = performance.now();
  #config: Configuration;
  /** Settles when the configurations given so far are applied. */
  #configured: Promise<unknown> = Promise.resolve();

  private constructor({ folder, speed, epoch, config }: ServiceOptions, port: number) {
    this.speed = speed;
    this.state = join(folder, 'state');
    this.#folder = folder;
    this.#port = port;
    this.#config = { ...config, http: { listen: `127.0.0.1:${port}`, token: TOKEN } };
    mkdirSync(this.state);
    this.#write(this.#config);
    const main = join(REPOSITORY, 'dist/src/main.js');
    const clock = join(REPOSITORY, 'bench/fast-clock.mjs');
    const args = ['--import', clock, main, '--state', this.state, 'run', '-c', this.#file];
    const env = {
      ...process.env,
      ...imageMalloc,
      NODE_ENV: 'production',
      BENCH_SPEED: String(speed),
      BENCH_EPOCH: String(epoch),
    };
    this.#process = new OwnedProcess(process.execPath, args, { log: join(folder, 'log'), cwd: folder, env });
    this.pid = this.#process.pid;
  }

  /** Resolves when it answers. */
  static async start(options: ServiceOptions): Promise<FastService> {
    const [port] = (await freePorts(1)) as [number];
    const service = new FastService(options, port);
    try {
      for (const end = performance.now() + START_MS; performance.now() < end; await sleep(100)) {
        if (!service.#process.running) throw new Error('it ended');
        if (await service.get('/readyz').catch(() => undefined)) return service;
      }
      throw new Error(`it is not ready after ${START_MS} ms`);
    } catch (error) {
      await service.stop();
      throw new Error(`the service did not start: ${(error as Error).message}\n${service.lastWords}`);
    }
  }

  /** Milliseconds of its own time since it was started. */
  get time(): number {
    return (performance.now() - this.#began) * this.speed;
  }

  get lastWords(): string {
    return this.#process.lastWords;
  }

  /** An answer whose body is not read yet. Nothing of the connection is kept. */
  async open(method: 'GET' | 'POST', path: string, body?: string, signal?: AbortSignal): Promise<IncomingMessage> {
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': body.length }),
    };
    const asked = request({
      host: '127.0.0.1',
      port: this.#port,
      method,
      path,
      headers,
      agent: false,
      signal: signal ?? AbortSignal.timeout(ANSWER_MS),
    });
    asked.end(body);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return answer;
  }

  async get(path: string): Promise<string> {
    return await this.#ask('GET', path);
  }

  async post(path: string, body: object = {}): Promise<void> {
    await this.#ask('POST', path, JSON.stringify(body));
  }

  async status(): Promise<StatusView> {
    return JSON.parse(await this.get('/api/status')) as StatusView;
  }

  /** Changes the configuration and has it read again. */
  async configure(change: (config: Configuration) => Configuration): Promise<void> {
    this.#configured = this.#configured.then(async () => {
      this.#config = change(structuredClone(this.#config));
      this.#write(this.#config);
      await this.post('/api/reload');
    });
    await this.#configured;
  }

  /** Has a configuration read that is wrong, and is to be refused. */
  async misconfigure(): Promise<void> {
    this.#configured = this.#configured.then(async () => {
      this.#write({ ...this.#config, intervall: '10s' });
      const said = await this.post('/api/reload').then(
        () => 'it was taken',
        (error: Error) => error.message,
      );
      if (!said.includes('intervall')) throw new Error(`a wrong configuration was not refused: ${said}`);
      this.#write(this.#config);
    });
    await this.#configured;
  }

  memory(): { readonly rss: number; readonly anonymous: number } {
    return { rss: memoryMiB(this.pid), anonymous: memoryMiB(this.pid, 'RssAnon') };
  }

  /** What its descriptors are, sorted; numbers of sockets and pipes are left out. */
  descriptors(): string[] {
    const folder = `/proc/${this.pid}/fd`;
    const what = (fd: string): string[] => {
      try {
        return [readlinkSync(join(folder, fd)).replace(/:\[\d+\]$/, '')];
      } catch {
        // It was closed meanwhile.
        return [];
      }
    };
    return readdirSync(folder).flatMap(what).toSorted();
  }

  async stop(): Promise<void> {
    await this.#process.stop(STOP_MS);
  }

  get #file(): string {
    return join(this.#folder, 'tidegate.yaml');
  }

  #write(config: Configuration): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify(config));
    renameSync(`${this.#file}.new`, this.#file);
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: string): Promise<string> {
    const answer = await this.open(method, path, body);
    const said = await text(answer);
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${said}`);
    return said;
  }
}
