/** `flaky`: see `flaky-child.ts`, which is a process of its own because its memory is that of a service, with the flags of one. */
import { join } from 'node:path';
import { type Figure, imageMalloc, printedBy } from '../measure.ts';

export const flaky = (): Figure[] => printedBy([join(import.meta.dirname, 'flaky-child.ts')], imageMalloc);
