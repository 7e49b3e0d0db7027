/** A sink's instance in its worker. */
import type { Sink, SinkDefinition } from '../sink.ts';
import { BatchUnpacker, type PackedBatch } from './tables.ts';
import type { Method, SinkOpening } from './wire.ts';
import type { Saying } from './worker-sensor.ts';

export class WorkerSink {
  readonly #definition: SinkDefinition;
  readonly #saying: Saying;
  readonly #unpacker = new BatchUnpacker();
  #sink: Sink | undefined;

  constructor(definition: SinkDefinition, saying: Saying) {
    this.#definition = definition;
    this.#saying = saying;
  }

  open({ name, stateDir, options }: SinkOpening): void {
    const warn = (message: string): void => this.#saying.tell('warn', message);
    this.#sink = this.#definition.open({ name, stateDir, warn }, options);
  }

  async answer(method: Method, value: unknown, signal: AbortSignal): Promise<void> {
    if (!this.#sink) throw new Error('it is not open');
    // Also when it then fails: what a batch brings is not sent again.
    if (method === 'write') await this.#sink.write(this.#unpacker.unpack(value as PackedBatch), signal);
    else if (method === 'connect') await this.#sink.connect(signal);
    else if (method === 'close') await this.#sink.close();
    else throw new Error(`a sink knows no call "${method}"`);
  }
}
