/**
 * A plugin's sink as the service has it: its worker is started by `connect`, and ended by `close` and by whatever call does not end
 * a second after its deadline. The runner around it owns deadlines, retries and back-off, as of every sink.
 */
import { type Clock, systemClock } from '../clock.ts';
import { SinkError } from '../errors.ts';
import type { TideEvent } from '../event.ts';
import type { AnySink, Sink, SinkContext } from '../sink.ts';
import { pluginBroker } from './broker.ts';
import type { PluginFile } from './find.ts';
import { WorkerLink } from './link.ts';
import { fromJson } from './options-schema.ts';
import { Probe } from './probe.ts';
import { callSink } from './sink-call.ts';
import { BatchPacker } from './tables.ts';
import type { SinkOpening } from './wire.ts';

const OPEN_MS = 8000;
const CLOSE_MS = 2000;

/** Asks the plugin what it is. Rejects when it cannot be loaded. */
export async function pluginSink(file: PluginFile, clock: Clock = systemClock): Promise<AnySink> {
  const probe = new Probe(file);
  const { summary, options, broker } = await probe.describe();
  if (broker) return pluginBroker(file, probe, { summary, options: fromJson(options) }, clock);
  return {
    name: file.name,
    summary,
    options: fromJson(options),
    version: file.version,
    verify: async (parsed) => (await probe.check(parsed)).issues,
    open: (context, parsed) => new PluginSink(file, context, parsed, clock),
  };
}

class PluginSink implements Sink {
  readonly #file: PluginFile;
  readonly #context: SinkContext;
  readonly #options: unknown;
  readonly #clock: Clock;
  #link: WorkerLink | undefined;
  #packer = new BatchPacker();

  constructor(file: PluginFile, context: SinkContext, options: unknown, clock: Clock) {
    this.#file = file;
    this.#context = context;
    this.#options = options;
    this.#clock = clock;
  }

  async connect(signal: AbortSignal): Promise<void> {
    if (this.#link?.why !== undefined) this.#link = undefined;
    this.#link ??= await this.#start();
    await callSink(this.#link, this.#clock, 'connect', undefined, signal);
  }

  async write(batch: readonly TideEvent[], signal: AbortSignal): Promise<void> {
    const link = this.#link;
    if (!link) throw new SinkError('transient', 'it is not connected');
    await callSink(link, this.#clock, 'write', this.#packer.pack(batch), signal);
  }

  async close(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    if (!link) return;
    try {
      if (link.why === undefined) await link.call('close', undefined, CLOSE_MS);
    } finally {
      link.stop();
    }
  }

  async #start(): Promise<WorkerLink> {
    const { file, name, kind, memoryBytes } = this.#file;
    const link = new WorkerLink(
      { file, name, kind },
      { memoryBytes, clock: this.#clock, notice: (notice) => 'note' in notice && this.#context.warn(notice.text) },
    );
    this.#packer = new BatchPacker();
    const opening: SinkOpening = { name: this.#context.name, stateDir: this.#context.stateDir, options: this.#options };
    try {
      await link.call('open', opening, OPEN_MS);
    } catch (error) {
      link.stop();
      throw error;
    }
    return link;
  }
}
