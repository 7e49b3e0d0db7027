/**
 * What sensors and sinks there are: the files in `sensors/` and `sinks/` beside the folder of this file, from source and in the
 * published build alike. A component is imported when it is asked for, because each costs start-up time.
 */
import { readdirSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from './errors.ts';
import { nearest } from './nearest.ts';
import type { Sensor } from './sensor.ts';
import type { AnySink } from './sink.ts';

export interface Registry {
  /** Sorted, as are `sinkNames`. */
  sensorNames(): readonly string[];
  sinkNames(): readonly string[];
  /** Throws `UsageError` with the nearest right name when there is none of that name; so does `loadSink`. */
  loadSensor(name: string): Promise<Sensor>;
  loadSink(name: string): Promise<AnySink>;
}

/** A registry over any folder with `sensors/` and `sinks/`, of files with this extension. */
export function createRegistry(folder: string, extension: string): Registry {
  const sensors = new Shelf<Sensor>(join(folder, 'sensors'), extension, 'sensor');
  const sinks = new Shelf<AnySink>(join(folder, 'sinks'), extension, 'sink');
  return {
    sensorNames: () => sensors.names(),
    sinkNames: () => sinks.names(),
    loadSensor: (name) => sensors.load(name),
    loadSink: (name) => sinks.load(name),
  };
}

/** What is said of a name that nothing has, with the nearest that something has. */
export function unknownComponent(what: string, name: string, names: readonly string[]): UsageError {
  const near = nearest(name, names);
  const remedy = near ? `did you mean "${near}"?` : `there is: ${names.join(', ')}`;
  return new UsageError(`there is no ${what} "${name}"; ${remedy}`);
}

/** The components of one folder; a file is looked at once. */
class Shelf<T extends { readonly name: string }> {
  readonly #folder: string;
  readonly #extension: string;
  readonly #what: string;
  #names: readonly string[] | undefined;
  readonly #loaded = new Map<string, Promise<T>>();

  constructor(folder: string, extension: string, what: string) {
    this.#folder = folder;
    this.#extension = extension;
    this.#what = what;
  }

  names(): readonly string[] {
    this.#names ??= readdirSync(this.#folder)
      .filter((file) => file.endsWith(this.#extension) && !file.endsWith(`.d${this.#extension}`) && !file.startsWith('.'))
      .map((file) => basename(file, this.#extension))
      .toSorted();
    return this.#names;
  }

  async load(name: string): Promise<T> {
    if (!this.names().includes(name)) throw unknownComponent(this.#what, name, this.names());
    const loading = this.#loaded.get(name) ?? this.#import(name);
    this.#loaded.set(name, loading);
    return await loading;
  }

  async #import(name: string): Promise<T> {
    const file = join(this.#folder, `${name}${this.#extension}`);
    const module = (await import(pathToFileURL(file).href)) as { default?: T };
    const { default: component } = module;
    if (component?.name !== name) {
      const is = component?.name === undefined ? 'nothing that has a name' : `"${component.name}"`;
      throw new Error(`${file} must export the ${this.#what} "${name}" by default, and exports ${is}`);
    }
    return component;
  }
}

/** What this installation has. */
export const registry: Registry = createRegistry(resolve(import.meta.dirname, '..'), extname(import.meta.filename));
export const { sensorNames, sinkNames, loadSensor, loadSink } = registry;
