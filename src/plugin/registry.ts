/** A registry with the operator's own sensors and sinks beside those that there are. */
import { type Registry, unknownComponent } from '../registry.ts';
import type { Sensor } from '../sensor.ts';
import type { AnySink } from '../sink.ts';
import type { PluginFile, PluginKind } from './find.ts';

/** Adds plugins. `refused` is told of each whose name is taken already; the first one keeps it. */
export function withPlugins(base: Registry, files: readonly PluginFile[], refused: (why: string) => void): Registry {
  const sensors = new Added<Sensor>(
    'sensor',
    base.sensorNames(),
    (name) => base.loadSensor(name),
    async (file) => await (await import('./sensor.ts')).pluginSensor(file),
  );
  const sinks = new Added<AnySink>(
    'sink',
    base.sinkNames(),
    (name) => base.loadSink(name),
    async (file) => await (await import('./sink.ts')).pluginSink(file),
  );
  for (const file of files) {
    const why = file.kind === 'sensor' ? sensors.add(file) : sinks.add(file);
    if (why !== undefined) refused(why);
  }
  return {
    sensorNames: () => sensors.names(),
    sinkNames: () => sinks.names(),
    loadSensor: (name) => sensors.load(name),
    loadSink: (name) => sinks.load(name),
  };
}

class Added<T> {
  readonly #kind: PluginKind;
  readonly #base: readonly string[];
  readonly #loadBase: (name: string) => Promise<T>;
  readonly #loadOwn: (file: PluginFile) => Promise<T>;
  readonly #files = new Map<string, PluginFile>();
  readonly #loaded = new Map<string, Promise<T>>();

  constructor(
    kind: PluginKind,
    base: readonly string[],
    loadBase: (name: string) => Promise<T>,
    loadOwn: (file: PluginFile) => Promise<T>,
  ) {
    this.#kind = kind;
    this.#base = base;
    this.#loadBase = loadBase;
    this.#loadOwn = loadOwn;
  }

  /** Says why it is not added. */
  add(file: PluginFile): string | undefined {
    const { name } = file;
    if (this.#base.includes(name)) return `${file.file}: there is a ${this.#kind} "${name}" already; give it another name`;
    const other = this.#files.get(name);
    if (other && other.file !== file.file) return `${file.file}: ${other.file} has the same name; give one of them another`;
    this.#files.set(name, file);
    return undefined;
  }

  names(): readonly string[] {
    return [...this.#base, ...this.#files.keys()].toSorted();
  }

  async load(name: string): Promise<T> {
    const file = this.#files.get(name);
    if (!file && this.#base.includes(name)) return await this.#loadBase(name);
    if (!file) throw unknownComponent(this.#kind, name, this.names());
    const loading = this.#loaded.get(name) ?? this.#loadOwn(file);
    this.#loaded.set(name, loading);
    return await loading;
  }
}
