/**
 * The process of one plugin: imports its file, answers the service's calls.
 *
 * A program of its own, started by `link.ts`. What the plugin writes to its output is told as notices, at most SAID_MAX in a minute: the
 * service's own output has events in it.
 */
import { pathToFileURL } from 'node:url';
import { phrase } from '../config/issues.ts';
import { describe, Unavailable } from '../errors.ts';
import type { Sensor } from '../sensor.ts';
import { type AnySink, isBroker } from '../sink.ts';
import { lendPackages } from './hooks.ts';
import { fromJson, toJson, zodOf } from './options-schema.ts';
import {
  type Checked,
  type Description,
  type FromWorker,
  type Method,
  plainError,
  plainSchema,
  type ToWorker,
  type WorkerData,
} from './wire.ts';
import { WorkerBroker } from './worker-broker.ts';
import { WorkerSensor } from './worker-sensor.ts';
import { WorkerSink } from './worker-sink.ts';

/** Lines and warnings that a plugin may have told in a minute. */
const SAID_MAX = 20;
const SAID_LENGTH_MAX = 1000;

const data = JSON.parse(process.argv[2] ?? '{}') as WorkerData;
const post = (message: FromWorker, sent: () => void = () => {}): void => void process.send?.(message, sent);

let [window, said] = [0, 0];

/** Tells a line, or leaves it out where there are too many. */
function tell(note: 'warn' | 'info', text: string): void {
  const minute = Math.floor(performance.now() / 60_000);
  if (minute !== window) [window, said] = [minute, 0];
  said++;
  if (said > SAID_MAX) return;
  const more = said === SAID_MAX ? ' (what more it says in this minute is left out)' : '';
  post({ note, text: `${text.slice(0, SAID_LENGTH_MAX)}${more}` });
}

for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk: Uint8Array | string, ...rest: unknown[]): boolean => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    for (const line of text.split('\n')) if (line.trim() !== '') tell('info', `it says: ${line}`);
    const done = rest.find((argument) => typeof argument === 'function') as (() => void) | undefined;
    if (done) queueMicrotask(done);
    return true;
  };
}

// The service is told before the process ends, and when the service is gone, nothing is left to do.
process.on('uncaughtException', (error) => post({ fatal: describe(error) }, () => process.exit(1)));
process.on('disconnect', () => process.exit(0));
lendPackages();

type Component = { readonly definition: Sensor | AnySink; readonly options: ReturnType<typeof zodOf> };

async function load(): Promise<Component> {
  const module = (await import(pathToFileURL(data.file).href)) as { default?: Sensor | AnySink };
  const { default: definition } = module;
  if (definition?.name !== data.name) {
    const is = definition?.name === undefined ? 'nothing that has a name' : `"${definition.name}"`;
    throw new Error(`it must export the ${data.kind} "${data.name}" by default, as its file is named, and exports ${is}`);
  }
  const isSensor = 'emits' in definition;
  if (isSensor !== (data.kind === 'sensor'))
    throw new Error(`it exports a ${isSensor ? 'sensor' : 'sink'}, and its folder is that of ${data.kind}s`);
  return { definition, options: zodOf(definition.options) };
}

const loading = load();
// Whoever asks is told.
loading.catch(() => {});

async function describePlugin(): Promise<Description> {
  const { definition, options } = await loading;
  const about = { summary: definition.summary, options: toJson(options) };
  // What cannot be rebuilt is said now, by the plugin's own words.
  fromJson(about.options);
  const broker = !('emits' in definition) && isBroker(definition);
  if (!('emits' in definition))
    return { ...about, notes: undefined, interval: undefined, byDefault: undefined, emits: [], broker };
  const { notes, interval, byDefault, emits } = definition;
  return { ...about, notes, interval, byDefault, emits: emits.map(plainSchema), broker };
}

async function checkOptions(value: unknown): Promise<Checked> {
  const { definition, options } = await loading;
  const parsed = await options.safeParseAsync(value, { error: phrase });
  // The issues are zod's own plain data, but for what they may quote.
  if (!parsed.success)
    return { issues: JSON.parse(JSON.stringify(parsed.error.issues)) as unknown[], emits: [], destinations: [] };
  const { data: right } = parsed;
  if ('emits' in definition)
    return { issues: [], emits: (definition.emitsFor?.(right) ?? []).map(plainSchema), destinations: [] };
  return { issues: [], emits: [], destinations: (isBroker(definition) && definition.destinations?.(right)) || [] };
}

let opened: WorkerSensor | WorkerSink | WorkerBroker | undefined;

function instanceOf(definition: Sensor | AnySink): WorkerSensor | WorkerSink | WorkerBroker {
  const saying = { post, tell };
  if ('emits' in definition) return new WorkerSensor(definition, saying);
  return isBroker(definition) ? new WorkerBroker(definition, saying) : new WorkerSink(definition, saying);
}

/** Signals of the calls in progress. */
const controllers = new Map<number, AbortController>();

async function answer(method: Method, value: unknown, signal: AbortSignal): Promise<unknown> {
  if (method === 'describe') return await describePlugin();
  if (method === 'check') return await checkOptions(value);
  if (method === 'open') {
    const { definition, options } = await loading;
    const given = value as { options: unknown };
    const parsed = await options.safeParseAsync(given.options, { error: phrase });
    if (!parsed.success)
      throw new Unavailable(`its options are wrong: ${parsed.error.issues.map(({ message }) => message).join('; ')}`);
    opened = instanceOf(definition);
    return await opened.open({ ...given, options: parsed.data } as never);
  }
  if (!opened) throw new Error('it is not open');
  return await opened.answer(method, value, signal);
}

async function take(id: number, method: Method, value: unknown): Promise<void> {
  const controller = new AbortController();
  controllers.set(id, controller);
  try {
    post({ id, value: await answer(method, value, controller.signal) });
  } catch (error) {
    post({ id, error: plainError(error, describe) });
  } finally {
    controllers.delete(id);
  }
}

process.on('message', (message: ToWorker) => {
  if ('method' in message) void take(message.id, message.method, message.value);
  else if ('abort' in message) controllers.get(message.abort)?.abort(new Error('it took longer than its timeout'));
  else if (opened instanceof WorkerSensor) opened.saved(message.saved);
});
