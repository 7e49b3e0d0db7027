/** An instance of a sink to a broker in its worker, with its connections, which the service knows by numbers. */
import type { Broker, BrokerConnection, BrokerDefinition } from '../broker.ts';
import { systemClock } from '../clock.ts';
import { SinkError } from '../errors.ts';
import type { BrokerOpening, ConnectionBatch, Method } from './wire.ts';
import type { Saying } from './worker-sensor.ts';

export class WorkerBroker {
  readonly #definition: BrokerDefinition;
  readonly #saying: Saying;
  readonly #connections = new Map<number, BrokerConnection>();
  #broker: Broker | undefined;
  #last = 0;

  constructor(definition: BrokerDefinition, saying: Saying) {
    this.#definition = definition;
    this.#saying = saying;
  }

  open({ name, agent, options }: BrokerOpening): void {
    const { post, tell } = this.#saying;
    const warn = (message: string): void => tell('warn', message);
    const blocked = (reason: string | undefined): void => post({ blocked: reason });
    this.#broker = this.#definition.openBroker({ name, agent, clock: systemClock, warn, blocked }, options);
  }

  async answer(method: Method, value: unknown, signal: AbortSignal): Promise<unknown> {
    const broker = this.#broker;
    if (!broker) throw new Error('it is not open');
    if (method === 'connect') return await this.#connect(broker, signal);
    if (method === 'write') return await this.#write(value as ConnectionBatch, signal);
    if (method === 'disconnect') return await this.#disconnect(value as number);
    if (method !== 'close') throw new Error(`a sink knows no call "${method}"`);
    await Promise.allSettled([...this.#connections.keys()].map((number) => this.#disconnect(number)));
    return await broker.close();
  }

  async #connect(broker: Broker, signal: AbortSignal): Promise<number> {
    const connection = await broker.connect(signal);
    const number = ++this.#last;
    this.#connections.set(number, connection);
    if (!signal.aborted) return number;
    // Nobody waits for it any more.
    await this.#disconnect(number);
    throw signal.reason;
  }

  async #write({ connection: number, messages }: ConnectionBatch, signal: AbortSignal): Promise<void> {
    const connection = this.#connections.get(number);
    if (!connection) throw new SinkError('transient', 'the connection is closed');
    await connection.write(messages, signal);
  }

  async #disconnect(number: number): Promise<void> {
    const connection = this.#connections.get(number);
    this.#connections.delete(number);
    await connection?.close();
  }
}
