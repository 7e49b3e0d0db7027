/** The spool of a sink that a running service has, through the service's socket. */
import type { ControlClient } from '../control/client.ts';
import { ControlRefused } from '../control/client.ts';
import type { DeliveryStatus } from '../delivery/status.ts';
import type { ListQuery, SpoolAccess } from './access.ts';
import type { SpoolSummary } from './contents.ts';
import type { SpoolItem } from './item.ts';

export class LiveSpool implements SpoolAccess {
  readonly source = 'service';
  readonly from: string;
  readonly #client: ControlClient;
  readonly #path: string;

  constructor(sink: string, client: ControlClient) {
    this.#client = client;
    this.#path = `/api/sinks/${encodeURIComponent(sink)}`;
    this.from = `from the running service at ${client.path}`;
  }

  async summary(): Promise<SpoolSummary & { readonly status: DeliveryStatus }> {
    const { summary, status } = (await this.#client.get(`${this.#path}/spool`)) as {
      summary: SpoolSummary;
      status: DeliveryStatus;
    };
    return { ...summary, status };
  }

  list({ shelf, limit, events }: ListQuery): AsyncIterable<SpoolItem> {
    const query = new URLSearchParams({ events: events ? '1' : '0', ...(limit !== undefined && { limit: String(limit) }) });
    const path = shelf === 'dead' ? 'dead' : 'spool/entries';
    return this.#client.lines(`${this.#path}/${path}?${query.toString()}`) as AsyncIterable<SpoolItem>;
  }

  async find(which: string): Promise<SpoolItem | undefined> {
    try {
      return (await this.#client.get(`${this.#path}/item?${new URLSearchParams({ which }).toString()}`)) as SpoolItem;
    } catch (error) {
      if (error instanceof ControlRefused && error.status === 404) return undefined;
      throw error;
    }
  }

  async retry(numbers: readonly number[] | 'all'): Promise<number> {
    return await this.#count('dead/retry', numbers);
  }

  async discard(numbers: readonly number[] | 'all'): Promise<number> {
    return await this.#count('dead/discard', numbers);
  }

  async discardSpooled(): Promise<number> {
    return await this.#count('spool/discard', 'all');
  }

  async tell(what: 'pause' | 'resume' | 'probe'): Promise<void> {
    await this.#client.post(`${this.#path}/${what}`);
  }

  damage(): string | undefined {
    return undefined;
  }

  async close(): Promise<void> {}

  async #count(what: string, numbers: readonly number[] | 'all'): Promise<number> {
    return ((await this.#client.post(`${this.#path}/${what}`, { numbers })) as { events: number }).events;
  }
}
