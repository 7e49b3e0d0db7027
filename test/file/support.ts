/** What tests of the file sink share beside `files.ts`: refusals, disks that fail, folders and sinks that go with the test. */
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { FileSink } from '../../sinks/file.ts';
import type { SinkError } from '../../src/errors.ts';
import type { Handle } from '../../src/file/handle.ts';
import { type OpenFile, openFile } from '../../src/file/open.ts';
import { patient } from '../sink-events.ts';
import { temporaryFolder } from '../temporary.ts';
import { fileSinkOf } from './files.ts';

/** The refusal's code and message. */
export async function refusalOf(promise: Promise<void>): Promise<{ code: string; message: string }> {
  const error = (await promise.then(
    () => ({ code: 'none', message: 'it was not refused' }),
    (reason: unknown) => reason,
  )) as SinkError;
  return { code: error.code, message: error.message };
}

/** A system's error. */
export const systemError = (code: string): Error => Object.assign(new Error(`${code}: simulated`), { code });

/** What is done instead of a call of a handle, by method; each gets the real handle. */
export type Faults = { [K in keyof Handle]?: (real: Handle, ...args: Parameters<Handle[K]>) => ReturnType<Handle[K]> };

/** Opens real files whose calls go through `faults`, as those are at that moment. */
export function faulty(faults: Faults): OpenFile {
  return async (path, flags, mode) => {
    const real = await openFile(path, flags, mode);
    return new Proxy(real, {
      get(_, method: keyof Handle) {
        // A promise that resolves with this looks for a `then`.
        if (!(method in real)) return undefined;
        return (...args: unknown[]) => {
          const fault = faults[method] as ((real: Handle, ...args: unknown[]) => unknown) | undefined;
          return fault ? fault(real, ...args) : (real[method] as (...args: unknown[]) => unknown).apply(real, args);
        };
      },
    });
  };
}

/** A `write` that takes that many bytes, in two calls, and then answers with an error. */
export function fullAfter(bytes: number, code = 'ENOSPC'): Pick<Faults, 'write'> {
  let left = bytes;
  return {
    async write(real, data, offset, length) {
      if (left === 0) throw systemError(code);
      const take = Math.min(length, left, Math.ceil(bytes / 2));
      left -= take;
      return await real.write(data, offset, take);
    },
  };
}

/** Paths in folders of their own that do not exist yet, below one that is removed after the tests of this file. */
export function freshPaths(): (name?: string) => string {
  const folder = temporaryFolder();
  let count = 0;
  return (name = 'events.ndjson') => join(folder, `${count++}`, name);
}

/** A connected sink, closed after the test. */
export async function connected(...args: Parameters<typeof fileSinkOf>): Promise<FileSink> {
  const sink = fileSinkOf(...args);
  onTestFinished(() => sink.close());
  await sink.connect(patient());
  return sink;
}
