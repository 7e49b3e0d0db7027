/** Opens the sensor `files`: what is there at the beginning is known when it resolves. */
import { type Clock, systemClock } from '../clock.ts';
import type { Host } from '../host.ts';
import type { SensorContext } from '../sensor.ts';
import type { FilesOptions } from './options.ts';
import { FilesSampler } from './sampler.ts';

export async function openFiles(
  host: Host,
  given: FilesOptions,
  context: SensorContext,
  clock: Clock = systemClock,
): Promise<FilesSampler> {
  const sampler = new FilesSampler(host, given, context, clock);
  await sampler.open();
  return sampler;
}
