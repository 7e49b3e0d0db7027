/** A sensor's instance in its worker. */
import { Unavailable } from '../errors.ts';
import { Host, type ReadKind } from '../host.ts';
import type { Sampler, Sensor } from '../sensor.ts';
import { Packer } from './tables.ts';
import { type Method, type Notice, type PlainSchema, plainSchema, type SensorOpening } from './wire.ts';

/** How a worker tells what nobody asked for. */
export interface Saying {
  readonly post: (message: Notice) => void;
  readonly tell: (note: 'warn' | 'info', text: string) => void;
}

export class WorkerSensor {
  readonly #definition: Sensor;
  readonly #saying: Saying;
  readonly #saves = new Map<number, () => void>();
  #sampler: Sampler | undefined;
  #packer = new Packer([]);
  #save = 0;

  constructor(definition: Sensor, saying: Saying) {
    this.#definition = definition;
    this.#saying = saying;
  }

  /** Opens it; returns all that it emits. */
  async open({ host, watched, options, name, timeout, state }: SensorOpening): Promise<PlainSchema[]> {
    const { post, tell } = this.#saying;
    const onRead = watched ? { onRead: (read: string, kind: ReadKind) => post({ read, kind }) } : {};
    const context = {
      name,
      timeout,
      state: { load: () => state, save: (value: unknown) => this.#keep(value) },
      warn: (message: string) => tell('warn', message),
      info: (message: string) => tell('info', message),
    };
    const { emits } = this.#definition;
    const schemas = [...emits, ...(this.#definition.emitsFor?.(options) ?? [])];
    this.#packer = new Packer(schemas);
    this.#sampler = await this.#definition.open(new Host({ ...host, ...onRead }), options, context);
    if (this.#sampler.targets) throw new Unavailable('a plugin cannot have `targets`: write an entry for each');
    return schemas.map(plainSchema);
  }

  async answer(method: Method, value: unknown, signal: AbortSignal): Promise<unknown> {
    if (method === 'close') return await this.#sampler?.close?.();
    if (method !== 'sample' || !this.#sampler) throw new Error(`a sensor knows no call "${method}"`);
    return this.#packer.pack(await this.#sampler.sample(signal, value as number));
  }

  /** What was to be kept is on disk. */
  saved(number: number): void {
    this.#saves.get(number)?.();
    this.#saves.delete(number);
  }

  #keep(state: unknown): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const save = ++this.#save;
    this.#saves.set(save, resolve);
    this.#saying.post({ save, state });
    return promise;
  }
}
