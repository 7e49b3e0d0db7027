/** What components may say. Structured: `about` has the facts, `message` is prose. */
export interface Log {
  debug(about: object, message: string): void;
  info(about: object, message: string): void;
  warn(about: object, message: string): void;
  error(about: object, message: string): void;
}

const nothing = (): void => {};
export const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
