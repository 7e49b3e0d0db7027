/**
 * One worker of a plugin, as the service sees it: a process with the plugin in it.
 *
 * It is a process and not a thread because V8 cannot end every loop of a thread (`for (;;) all.push(new Array(100))`), and a heap that is full
 * in one thread may abort the process; a process is killed by the kernel, whatever it does.
 *
 * States: running; ended, for good, when it was stopped, threw what nobody caught, left, or was killed. It is killed with all that it started
 * when a call outlasts its deadline, and when it has more memory than it may: V8 limits its heap, and what it has beyond its start is looked
 * at every LOOK_MS while a call is open (Linux). Its end rejects every open call with why.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { describe } from '../errors.ts';
import { formatBytes } from '../options.ts';
import { errorOf, type FromWorker, type Method, type Notice, type ToWorker, type WorkerData } from './wire.ts';

/** How often the memory of a worker is looked at while it works, in milliseconds. */
const LOOK_MS = 100;
/** What a worker has before it has loaded a plugin, and what V8 keeps beside what is in use, in bytes. */
const BASE_BYTES = 96 * 2 ** 20;
const MIB = 2 ** 20;
/** Of our environment a plugin gets what finding and talking takes; secrets of the configuration are none of its business. */
const INHERITED =
  /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|(https?|no)_proxy|(HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|SystemRoot)$/;

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly done: () => void;
}

export interface LinkOptions {
  readonly memoryBytes: number;
  readonly notice: (notice: Notice, link: WorkerLink) => void;
  readonly clock?: Clock;
}

export class WorkerLink {
  readonly #worker: ChildProcess;
  readonly #clock: Clock;
  readonly #memoryBytes: number;
  readonly #calls = new Map<number, Call>();
  readonly #ended = Promise.withResolvers<string>();
  #why: string | undefined;
  #id = 0;
  #cancelLook: (() => void) | undefined;

  constructor(data: WorkerData, { memoryBytes, notice, clock = systemClock }: LinkOptions) {
    this.#clock = clock;
    this.#memoryBytes = memoryBytes;
    const entry = new URL(`./worker${extname(import.meta.filename)}`, import.meta.url);
    this.#worker = fork(entry, [JSON.stringify(data)], {
      serialization: 'advanced',
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => INHERITED.test(name))),
      execArgv: ['--disable-warning=ExperimentalWarning', `--max-old-space-size=${Math.ceil(memoryBytes / MIB)}`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      cwd: '/',
      detached: true,
    });
    this.#worker.on('message', (message: FromWorker) => {
      if ('fatal' in message) return this.#kill(`it threw what nothing caught: ${message.fatal}`);
      if (!('id' in message)) return notice(message, this);
      const call = this.#calls.get(message.id);
      if (!call) return;
      call.done();
      if ('error' in message) call.reject(errorOf(message.error));
      else call.resolve(message.value);
    });
    this.#worker.on('error', (error) => this.#kill(describe(error)));
    this.#worker.on('exit', (code, signal) => this.#kill(this.#reasonOf(code, signal)));
    this.#ref(false);
  }

  /** Resolves with why, when it has ended. */
  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  /** Why it has ended, if it has. */
  get why(): string | undefined {
    return this.#why;
  }

  /** Calls the plugin. It is told when `signal` aborts, and killed `deadlineMs` after the call. */
  call(method: Method, value: unknown, deadlineMs: number, signal?: AbortSignal): Promise<unknown> {
    if (this.#why !== undefined) return Promise.reject(new Error(this.#why));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = ++this.#id;
    const cancel = this.#clock.after(deadlineMs, () =>
      this.#kill(`${method} did not end within ${deadlineMs} ms, and its worker was killed`),
    );
    const abort = (): void => this.post({ abort: id });
    signal?.addEventListener('abort', abort, { once: true });
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', abort);
      this.#calls.delete(id);
      if (this.#calls.size > 0) return;
      this.#ref(false);
      // Left to itself it would wake the service once more after each call.
      this.#cancelLook?.();
      this.#cancelLook = undefined;
    };
    if (this.#calls.size === 0) this.#ref(true);
    this.#calls.set(id, { resolve, reject, done });
    this.post({ id, method, value });
    this.#look();
    return promise;
  }

  post(message: ToWorker): void {
    if (this.#worker.connected) this.#worker.send(message, (error) => error && this.#kill(describe(error)));
  }

  /** Ends it at once, waiting for nothing that the plugin does. */
  stop(): void {
    this.#kill('it was stopped');
  }

  /** Ends it and all that it started, and every call with why. */
  #kill(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    this.#cancelLook?.();
    for (const call of this.#calls.values()) {
      call.done();
      call.reject(new Error(why));
    }
    this.#ended.resolve(why);
    if (this.#worker.connected) this.#worker.disconnect();
    if (this.#worker.pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? this.#worker.pid : -this.#worker.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }

  /** Whether the service waits for it. */
  #ref(wanted: boolean): void {
    const { channel } = this.#worker;
    if (wanted) {
      this.#worker.ref();
      channel?.ref();
    } else {
      this.#worker.unref();
      channel?.unref();
    }
  }

  #reasonOf(code: number | null, signal: NodeJS.Signals | null): string {
    // How V8 ends where there is no room left.
    if (signal === 'SIGABRT' || code === 134)
      return `it ended with SIGABRT, as it does where ${formatBytes(this.#memoryBytes)} of memory are not enough`;
    return `it ended by itself with ${signal ?? `code ${code}`}`;
  }

  /** While calls are open, its memory is looked at: what is outside of V8's heap, V8 does not limit. */
  #look(): void {
    this.#cancelLook ??= this.#clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      if (this.#calls.size === 0) return;
      if (this.#resident() > this.#memoryBytes + BASE_BYTES)
        this.#kill(`it took more than ${formatBytes(this.#memoryBytes)} of memory, and its worker was killed`);
      else this.#look();
    });
  }

  /** What it has in memory, in bytes; 0 where that is not known. proc_pid_status(5) */
  #resident(): number {
    try {
      const status = readFileSync(`/proc/${this.#worker.pid}/status`, 'latin1');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }
}
