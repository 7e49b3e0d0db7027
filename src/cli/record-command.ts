/** `tidegate record DIR`: copies what the sensors read. */
import { resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { type Context, type GlobalOptions, hostOf, registryOf, stateDir } from './context.ts';
import { record } from './record.ts';
import { sampleAll } from './sample.ts';

export interface RecordCommandOptions extends GlobalOptions {
  readonly config?: string;
  readonly name?: string;
  readonly withArguments?: boolean;
}

/** Samples every sensor once and records what it read. What could not be copied is said, and is no failure. */
export async function recordCommand(
  folder: string,
  options: RecordCommandOptions,
  { env, out, err, paintErr }: Context,
): Promise<void> {
  const { name, withArguments = false } = options;
  const state = stateDir(options, env);
  const { config } = await loadConfig(options.config, env, {
    stateDir: state,
    hostName: hostOf(options, env).name,
    registry: registryOf(options, env),
  });
  const redact = (text: string): string => config.secrets.redact(text);
  const { files, bytes, skipped } = await record(
    resolve(folder),
    ({ onRead }) => hostOf(options, env, onRead),
    (host) => sampleAll(config.sensors, host, { agent: config.agent, host: config.host, stateDir: state, redact }),
    { withArguments, ...(name === undefined ? {} : { name }) },
  );
  for (const { path, why } of skipped) err.write(`${paintErr.dim(`${path}:`)} ${why}\n`);
  out.write(`recorded ${files} files, ${bytes} bytes, in ${folder}; sample it with: tidegate once --host ${folder}\n`);
}
