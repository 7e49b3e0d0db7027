/** Records machines that are made of files given here. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Recorded, type RecordOptions, record } from '../../src/cli/record.ts';
import { Host, type HostOptions } from '../../src/host.ts';
import { hostAt, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

/** Makes a machine of these files and records what `ask` asks of it. */
export async function recordOf(
  files: Record<string, string | Buffer>,
  ask: (host: Host, machine: string) => unknown,
  options: RecordOptions = {},
  hostOptions: HostOptions = {},
): Promise<Recorded & { replay: Host; folder: string; machine: string }> {
  const machine = temporaryFolder();
  writeFiles(machine, { 'proc/uptime': '1.00 1.00\n', ...files });
  const folder = join(temporaryFolder(), 'recording');
  const sample = async (host: Host): Promise<void> => {
    await ask(host, machine);
  };
  const recorded = await record(folder, ({ onRead }) => hostAt(machine, { ...hostOptions, onRead }), sample, options);
  return { ...recorded, replay: Host.recorded(folder), folder, machine };
}

/** Every file below a folder. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
/** All bytes of all files below a folder. */
export const everything = (folder: string): string =>
  filesBelow(folder)
    .map((file) => readFileSync(file, 'latin1'))
    .join('\n');
