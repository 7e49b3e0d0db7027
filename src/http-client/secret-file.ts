/**
 * Texts that may be in files which others replace: tokens, cookies, certificates. Looked at before each use, read when the file is another
 * or has another size or time than before. Nothing here is ever shown.
 */
import { open, stat } from 'node:fs/promises';
import { describe, errno } from '../errors.ts';
import { holdSecret } from '../held-secrets.ts';
import { RequestFailure } from './failure.ts';
import type { Credential } from './options.ts';

/** A credential is a line, a certificate chain some kilobytes. */
const FILE_BYTES_MAX = 2 ** 20;

export class SecretFile {
  readonly path: string;
  #mark: string | undefined;
  #content = '';

  constructor(path: string) {
    this.path = path;
  }

  /** The file's content now, without white space around it. Throws `RequestFailure` when it cannot be read or is empty. */
  async read(): Promise<string> {
    try {
      const { ino, size, mtimeNs, ctimeNs } = await stat(this.path, { bigint: true });
      const mark = `${ino}/${size}/${mtimeNs}/${ctimeNs}`;
      if (mark === this.#mark) return this.#content;
      this.#content = holdSecret(await readShort(this.path));
      this.#mark = mark;
    } catch (error) {
      this.#mark = undefined;
      throw new RequestFailure('credentials', `the file ${this.path} ${why(error)}`);
    }
    if (this.#content !== '') return this.#content;
    this.#mark = undefined;
    throw new RequestFailure('credentials', `the file ${this.path} is empty`);
  }

  /** Equal as long as the content is. */
  get mark(): string | undefined {
    return this.#mark;
  }
}

async function readShort(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(FILE_BYTES_MAX + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > FILE_BYTES_MAX) throw new Error(`is longer than ${FILE_BYTES_MAX} bytes`);
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    await file.close();
  }
}

function why(error: unknown): string {
  switch (errno(error)) {
    case 'ENOENT':
      return 'is not there';
    case 'EACCES':
    case 'EPERM':
      return 'is not ours to read';
    case undefined:
      return describe(error);
    default:
      return `cannot be read: ${errno(error)}`;
  }
}

/** What a header must not hold: it would end the header. */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/;

/** A credential's text now. `what` names it in errors, which never show it. */
export async function reveal(from: string | SecretFile, what: string): Promise<string> {
  const text = typeof from === 'string' ? from : await from.read();
  if (!UNFIT.test(text)) return text;
  const where = typeof from === 'string' ? what : `the file ${from.path}`;
  throw new RequestFailure('credentials', `${where} has a line end or another character in it that no header can have`);
}

/** A credential with its file, if it has one. */
export const sourceOf = (given: Credential): string | SecretFile =>
  typeof given === 'string' ? given : new SecretFile(given.file);
