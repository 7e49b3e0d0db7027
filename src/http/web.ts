/**
 * The HTTP interface of a service, all of it. What it costs is paid by those who use it: without `http` nothing is loaded, with it what
 * listens and what remembers; the API itself, with its library, at the first request, over the service's own socket or any address.
 */
import type { RunningApi } from './api.ts';
import type { Handle } from './listener.ts';
import type { Monitor } from './monitor.ts';
import type { HttpOptions } from './options.ts';
import type { HttpServer } from './server.ts';
import type { Service } from './service.ts';

export class Web {
  readonly #service: Service;
  #monitor: Promise<Monitor> | undefined;
  #api: Promise<RunningApi> | undefined;
  #server: HttpServer | undefined;

  constructor(service: Service) {
    this.#service = service;
  }

  /** Answers one request of whoever asks. */
  readonly handle: Handle = async (incoming, outgoing, caller) => {
    this.#api ??= this.#loadApi();
    (await this.#api).handle(incoming, outgoing, caller);
  };

  /** Where it can be asked, as URLs. */
  get urls(): readonly string[] {
    return this.#server?.urls ?? [];
  }

  /** Listens where the options say, and nowhere else. Throws `UsageError` when it cannot. */
  async configure(options: HttpOptions): Promise<void> {
    if (!options.enabled && !this.#server) return;
    if (!this.#server) {
      const { HttpServer } = await import('./server.ts');
      this.#server = new HttpServer(this.#service, this.handle);
    }
    await this.#server.configure(options);
    if (options.enabled) await this.#remember();
  }

  async close(): Promise<void> {
    this.#server?.close();
    (await this.#api)?.close();
    (await this.#monitor)?.close();
  }

  async #remember(): Promise<Monitor> {
    this.#monitor ??= import('./monitor.ts').then(({ Monitor }) => new Monitor(this.#service));
    return await this.#monitor;
  }

  async #loadApi(): Promise<RunningApi> {
    const [{ openApi }, monitor] = await Promise.all([import('./api.ts'), this.#remember()]);
    return openApi(this.#service, monitor);
  }
}
