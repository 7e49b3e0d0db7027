/** Reads a small text file whole, or says in a sentence why that cannot be. */
import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { describe, errno } from '../errors.ts';
import { formatBytes } from '../options.ts';

/** `problem` completes a sentence that begins with the file's name. */
export type ReadResult = { readonly text: string } | { readonly problem: string };

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there: a part of its path is a file',
  EISDIR: 'is a folder, not a file',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  ELOOP: 'is a link that leads to itself',
  ENAMETOOLONG: 'is not there: its name is too long',
};

/** UTF-8, with or without a byte order mark, of at most `limit` bytes. */
export function readText(path: string, limit: number): ReadResult {
  let bytes: Buffer | undefined;
  try {
    bytes = readUpTo(path, limit);
  } catch (error) {
    const code = errno(error) ?? '';
    return { problem: PROBLEMS[code] ?? `cannot be read: ${describe(error)}` };
  }
  if (bytes === undefined) return { problem: PROBLEMS['EISDIR'] as string };
  if (bytes.length > limit) return { problem: `is larger than the limit of ${formatBytes(limit)}` };
  if (isUtf16(bytes)) return { problem: 'is UTF-16 text; save it as UTF-8' };
  if (!isUtf8(bytes)) return { problem: `is not UTF-8 text: line ${lineOfBadByte(bytes)} has a byte that is not` };
  const text = bytes.toString('utf8');
  return { text: text.startsWith('\ufeff') ? text.slice(1) : text };
}

/** One byte more than the limit tells that there is more: a device or pipe does not say its size. */
function readUpTo(path: string, limit: number): Buffer | undefined {
  const fd = openSync(path, 'r');
  try {
    if (fstatSync(fd).isDirectory()) return undefined;
    const buffer = Buffer.alloc(limit + 1);
    let length = 0;
    for (;;) {
      const read = readSync(fd, buffer, length, buffer.length - length, null);
      length += read;
      if (read === 0 || length > limit) return buffer.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}

function isUtf16(bytes: Buffer): boolean {
  const mark = bytes.subarray(0, 2).toString('hex');
  return mark === 'fffe' || mark === 'feff';
}

function lineOfBadByte(bytes: Buffer): number {
  for (let [line, start] = [1, 0]; ; line++) {
    const end = bytes.indexOf(10, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
