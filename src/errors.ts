/** Errors are instructions: the code says what happens next, the message is prose for people. */

/** The machine, platform or kernel lacks what a sensor reads. Shown in `tidegate sensors`; never retried in a storm. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

/** A file did not hold what its format promises. Fails that sample, and only that. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
  readonly file: string;
  readonly line: number;

  /** `line` counts from 1; `excerpt` is the line, cut to a readable length. */
  constructor(what: string, file: string, line: number, excerpt: string) {
    super(`${file}:${line}: ${what}, in ${JSON.stringify(excerpt.slice(0, 160))}`);
    this.file = file;
    this.line = line;
  }
}

/**
 * What a sink's failure means for what it was given.
 *   transient      try again; counts for the breaker
 *   blocked        the destination asked to wait; wait until told
 *   rejected       this batch will never be taken: bisect it, dead-letter the one event that is to blame, carry on
 *   misconfigured  credentials, an unknown topic: keep the data, say it loudly, probe slowly
 */
export type SinkErrorCode = 'transient' | 'blocked' | 'rejected' | 'misconfigured';

export interface SinkErrorOptions extends ErrorOptions {
  /** Messages of the batch, by index, that the destination has taken all the same: they are not sent again. */
  readonly confirmed?: ReadonlySet<number>;
}

export class SinkError extends Error {
  override readonly name = 'SinkError';
  readonly code: SinkErrorCode;
  readonly confirmed: ReadonlySet<number> | undefined;

  constructor(code: SinkErrorCode, message: string, options?: SinkErrorOptions) {
    super(message, options);
    this.code = code;
    this.confirmed = options?.confirmed;
  }
}

/** Whatever a sink throws that is no instruction counts as transient: nothing is given up for a mistake of ours. */
export const codeOf = (error: unknown): SinkErrorCode => (error instanceof SinkError ? error.code : 'transient');

/** The operator's input is wrong: configuration, command line. Printed without a stack; `exitCode` 78 is EX_CONFIG of sysexits.h. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 78) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The errno name of a system error (`ENOENT`), or undefined. */
export function errno(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Causes of a cause that are still worth reading; they may go round in a circle. */
const CAUSES_MAX = 8;
/** Fewer characters may stand in a message by chance. */
const BARE_MIN = 12;

/** A thrown value as one readable line, with its causes. Never throws itself, whatever was thrown. */
export function describe(error: unknown): string {
  try {
    return withCauses(error, CAUSES_MAX);
  } catch {
    return 'something that has no text was thrown';
  }
}

function withCauses(error: unknown, most: number): string {
  if (!(error instanceof Error)) return String(error);
  const said = error.message || error.name;
  if (error.cause === undefined || most === 0) return said;
  // Libraries like to repeat the cause's message in their own, with a few words before it or without them.
  const cause = withCauses(error.cause, most - 1);
  const bare = cause.slice(cause.indexOf(': ') + 1).trim();
  return said.includes(cause) || (bare.length >= BARE_MIN && said.includes(bare)) ? said : `${said}: ${cause}`;
}
