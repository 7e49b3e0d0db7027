/**
 * How V8 collects garbage in a service that shall be small. Imported, and so in force, before anything that allocates: what a flag changes
 * is read when a heap grows. Figures are in bench/RESULTS.md.
 */
import { setFlagsFromString } from 'node:v8';

// The young generation stays at its first size: what a round leaves is little, and 10 MB of memory are worth a few more short collections.
setFlagsFromString('--semi-space-growth-factor=1');
// It is a megabyte, of which little lives: waking other threads to share that work costs more than it.
setFlagsFromString('--no-parallel-scavenge');
// What waits for a broker outlives the young generation and is garbage soon after, with the buffers that hang on it. V8 would let that grow
// to four times what is alive.
setFlagsFromString('--heap-growing-percent=100');
