/**
 * A plugin's sensor as the service has it: what it is, and its instances, each in a worker of its own.
 *
 * States of an instance: running; resting, after its worker has ended, for BACKOFF_MS that doubles to BACKOFF_MS_MAX; closed. A worker that lived for LIVED_MS begins anew. While it
 * rests samples fail and say why. A sample that does not end GRACE_MS after its timeout ends the worker.
 */
import { type Clock, systemClock } from '../clock.ts';
import { describe } from '../errors.ts';
import type { AnyTable, Schema } from '../event.ts';
import type { Host } from '../host.ts';
import { formatDuration } from '../options.ts';
import type { Sampler, Sensor, SensorContext } from '../sensor.ts';
import type { PluginFile } from './find.ts';
import { WorkerLink } from './link.ts';
import { fromJson } from './options-schema.ts';
import { Probe } from './probe.ts';
import { type PackedTable, schemaOf, Unpacker } from './tables.ts';
import type { Notice, PlainSchema, SensorOpening } from './wire.ts';

const OPEN_MS = 8000;
const GRACE_MS = 1000;
const CLOSE_MS = 1500;
const BACKOFF_MS = 1000;
const BACKOFF_MS_MAX = 300_000;
const LIVED_MS = 60_000;

/** Asks the plugin what it is. Rejects when it cannot be loaded. */
export async function pluginSensor(file: PluginFile, clock: Clock = systemClock): Promise<Sensor> {
  const probe = new Probe(file);
  const { summary, notes, interval, byDefault, emits, options } = await probe.describe();
  const more = new WeakMap<object, readonly Schema[]>();
  return {
    name: file.name,
    summary,
    ...(notes !== undefined && { notes }),
    ...(interval !== undefined && { interval }),
    ...(byDefault !== undefined && { byDefault }),
    emits: emits.map(schemaOf),
    emitsFor: (parsed) => more.get(parsed as object) ?? [],
    options: fromJson(options),
    version: file.version,
    verify: async (parsed) => {
      const { issues, emits: also } = await probe.check(parsed);
      more.set(parsed as object, also);
      return issues;
    },
    open: async (host, parsed, context) => await PluginSampler.open({ file, host, options: parsed, context, clock }),
  };
}

interface Instance {
  readonly file: PluginFile;
  readonly host: Host;
  /** As written, with defaults: the plugin's own schema parses them. */
  readonly options: unknown;
  readonly context: SensorContext;
  readonly clock: Clock;
}

export class PluginSampler implements Sampler {
  readonly #instance: Instance;
  #link: WorkerLink | undefined;
  #unpacker = new Unpacker([]);
  #why = '';
  #closed = false;
  #startedAt = 0;
  #backoff = BACKOFF_MS;
  #cancel: () => void = () => {};
  #restarts = 0;

  private constructor(instance: Instance) {
    this.#instance = instance;
  }

  static async open(instance: Instance): Promise<PluginSampler> {
    const sampler = new PluginSampler(instance);
    await sampler.#start();
    return sampler;
  }

  /** How often its worker was started again. */
  restarts(): number {
    return this.#restarts;
  }

  async sample(signal: AbortSignal, time: number): Promise<readonly AnyTable[]> {
    const link = this.#link;
    if (!link) throw new Error(this.#why);
    const unpacker = this.#unpacker;
    const packed = await link.call('sample', time, this.#instance.context.timeout + GRACE_MS, signal);
    return unpacker.unpack(packed as PackedTable[]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    const link = this.#link;
    if (!link) return;
    try {
      await link.call('close', undefined, CLOSE_MS);
    } catch (error) {
      this.#instance.context.warn(`it did not close: ${describe(error)}`);
    } finally {
      link.stop();
    }
  }

  async #start(): Promise<void> {
    const { file, host, options, context, clock } = this.#instance;
    const { memoryBytes, name, kind } = file;
    const notice = (said: Notice, from: WorkerLink): void => this.#noticed(said, from);
    const link = new WorkerLink({ file: file.file, name, kind }, { memoryBytes, notice, clock });
    const opening: SensorOpening = {
      host: host.options(),
      watched: host.watched,
      options,
      name: context.name,
      timeout: context.timeout,
      state: context.state.load(),
    };
    this.#startedAt = clock.monotonic();
    try {
      const emits = (await link.call('open', opening, OPEN_MS)) as PlainSchema[];
      this.#unpacker = new Unpacker(emits.map(schemaOf));
    } catch (error) {
      link.stop();
      throw error;
    }
    this.#link = link;
    void link.ended.then((why) => this.#ended(why));
    if (this.#closed) link.stop();
  }

  #ended(why: string): void {
    this.#link = undefined;
    if (this.#closed) return;
    const { clock, context } = this.#instance;
    if (clock.monotonic() - this.#startedAt > LIVED_MS) this.#backoff = BACKOFF_MS;
    const pause = this.#backoff;
    this.#backoff = Math.min(pause * 2, BACKOFF_MS_MAX);
    this.#why = `its worker has ended, and is started again after a while: ${why}`;
    context.warn(`its worker has ended, and is started again in ${formatDuration(pause)}: ${why}`);
    this.#cancel = clock.after(pause, () => void this.#restart());
  }

  async #restart(): Promise<void> {
    this.#restarts++;
    try {
      await this.#start();
      if (!this.#closed) this.#instance.context.info(`its worker runs again; it was started ${this.#restarts} times more`);
    } catch (error) {
      this.#ended(describe(error));
    }
  }

  #noticed(notice: Notice, from: WorkerLink): void {
    const { context, host } = this.#instance;
    if ('note' in notice) context[notice.note](notice.text);
    else if ('read' in notice) host.noteRead(notice.read, notice.kind);
    else if ('save' in notice) void context.state.save(notice.state).then(() => from.post({ saved: notice.save }));
  }
}
