/** `tidegate health`: asks the service that runs with the folder for state whether it is well; for health checks of containers and supervisors. */
import { Absent, ControlClient } from '../control/client.ts';
import { describe } from '../errors.ts';
import { type Context, type GlobalOptions, stateDir } from './context.ts';

/** What Docker takes for unhealthy; 2 is reserved there. */
const EXIT_UNHEALTHY = 1;
/** How long the service may take to answer, in milliseconds: less than the 5 s that the image gives the command. */
const ANSWER_MS = 4000;

export async function health(options: GlobalOptions, { env, out, err, paintErr }: Context): Promise<void> {
  const state = stateDir(options, env);
  try {
    out.write(`healthy: ${await ask(await ControlClient.at(state, ANSWER_MS))}\n`);
  } catch (error) {
    const why = error instanceof Absent ? `no service runs with the folder for state ${state}` : describe(error);
    err.write(`${paintErr.red('unhealthy:')} ${why}\n`);
    process.exitCode = EXIT_UNHEALTHY;
  }
}

/** What a live service says of itself in one sentence. Throws `ControlRefused` with the reason of one that is not well, and whatever keeps it from answering. */
async function ask(client: ControlClient): Promise<string> {
  await client.get('/livez');
  const { service, condition, findings, sensors, sinks } = await client.status();
  const sampling = sensors.filter(({ state }) => state === 'sampling').length;
  const what = `run ${service.run}, ${sampling} of ${sensors.length} sensors sample, ${sinks.length} ${sinks.length === 1 ? 'sink' : 'sinks'}`;
  // A broker that is away is no reason to end the service, which keeps what it is for.
  return condition === 'well' ? what : `${what}; ${condition}: ${findings[0]?.text ?? 'it does not say why'}`;
}
