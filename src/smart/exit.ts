/** The exit status of smartctl is a set of bits: the first two say that there is no answer, the others what is the matter with the drive. smartctl(8) */

export interface Condition {
  readonly name: string;
  readonly active: 0 | 1;
}

/** Bits 2 to 7, in order. */
const CONDITIONS = [
  'command_failed',
  'failing',
  'attribute_below_threshold',
  'attribute_was_below_threshold',
  'errors_logged',
  'self_test_errors_logged',
] as const;

/** What bits 2 to 7 say. */
export const conditionsOf = (status: number): Condition[] =>
  CONDITIONS.map((name, i) => ({ name, active: (status >> (i + 2)) & 1 ? 1 : 0 }));

/** Bit 0: the command line was not understood. Bit 1: the device did not open, or sleeps. */
export const hasAnswer = (status: number): boolean => (status & 3) === 0;
