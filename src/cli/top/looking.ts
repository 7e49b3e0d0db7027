/** Who looks at what, and how often. */
import type { Context } from '../context.ts';
import type { Address } from '../live/address.ts';
import type { LiveService } from '../live/service.ts';

export interface Looking {
  readonly service: LiveService;
  readonly address: Address;
  /** From one look to the next, in milliseconds. */
  readonly intervalMs: number;
  readonly colours: boolean;
  readonly context: Context;
}
