/** `tidegate drain`, `reload` and `log-level`: what changes a running service, through its socket. */
import { type ControlClient, ControlRefused, findService } from '../control/client.ts';
import { UsageError } from '../errors.ts';
import { parseBytes } from '../options.ts';
import { type Context, type GlobalOptions, stateDir } from './context.ts';

/** Exit codes of sysexits.h: EX_USAGE, EX_UNAVAILABLE; a wrong configuration is EX_CONFIG. */
const [EXIT_USAGE, EXIT_UNAVAILABLE] = [64, 69];
/** What the service answers when its configuration is wrong, as HTTP has it. */
const WRONG_CONFIGURATION = 422;

export interface DrainWords {
  readonly sink: string;
  readonly rate: string;
}

export async function drain(
  { sink, rate }: DrainWords,
  options: GlobalOptions & { bytes?: string },
  context: Context,
): Promise<void> {
  const events = rate === 'configured' || rate === 'auto' ? rate : Number(rate);
  if (typeof events === 'number' && !(events > 0))
    throw new UsageError(`${JSON.stringify(rate)} is no rate: give events a second, auto, or configured`, EXIT_USAGE);
  const bytes = options.bytes === undefined || options.bytes === 'auto' ? options.bytes : parseBytes(options.bytes);
  if (options.bytes !== undefined && bytes === undefined)
    throw new UsageError(`--bytes ${options.bytes} is no size: give it as 4MiB, or auto`, EXIT_USAGE);
  const body = { ...(events !== 'configured' && { rate: events }), ...(bytes !== undefined && { byte_rate: bytes }) };
  const from = await tell(
    options,
    context,
    async (client) => await client.post(`/api/sinks/${encodeURIComponent(sink)}/drain`, body),
  );
  context.err.write(`set until the next reload or start (${from})\n`);
}

export async function reload(options: GlobalOptions, context: Context): Promise<void> {
  const from = await tell(options, context, async (client) => await client.post('/api/reload'));
  context.err.write(`the configuration is reloaded (${from})\n`);
}

export async function logLevel(level: string, options: GlobalOptions, context: Context): Promise<void> {
  const from = await tell(options, context, async (client) => await client.post('/api/log', { level }));
  context.err.write(`logs ${level} and above until its next start (${from})\n`);
}

/** Resolves with who was told. */
async function tell(
  options: GlobalOptions,
  { env }: Context,
  what: (client: ControlClient) => Promise<unknown>,
): Promise<string> {
  const state = stateDir(options, env);
  const service = await findService(state);
  if (!service)
    throw new UsageError(
      `no service runs with the folder for state ${state}: name another folder with --state or TIDEGATE_STATE`,
      EXIT_UNAVAILABLE,
    );
  try {
    await what(service.client);
  } catch (error) {
    if (!(error instanceof ControlRefused)) throw error;
    if (error.status === WRONG_CONFIGURATION) throw new UsageError(error.message);
    throw new UsageError(error.message, error.status === 400 || error.status === 404 ? EXIT_USAGE : EXIT_UNAVAILABLE);
  }
  return `the running service at ${service.client.path}`;
}
