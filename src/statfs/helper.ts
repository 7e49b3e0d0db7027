/**
 * A process that asks filesystems for their size, so that the service does not hang on one that never answers: it is killed.
 *
 * Reads lines `<number> <path as JSON>` from its input; says `ready`, then for each line, as it comes to know, either
 * `<number> <size> <free> <available> <inodes> <free inodes>` or `<number> <error>`. Ends with its input.
 */
import { statfs } from 'node:fs';
import { createInterface } from 'node:readline';
import { errno } from '../errors.ts';
import { sizeOf } from './size.ts';

/** An orderly exit waits for the threads that ask, and one of them may hang. */
const end = (): void => void process.kill(process.pid, 'SIGKILL');

const say = (line: string): void => void process.stdout.write(`${line}\n`);

process.stdout.on('error', end);
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const blank = line.indexOf(' ');
    const number = line.slice(0, blank);
    statfs(JSON.parse(line.slice(blank + 1)) as string, (error, stats) => {
      if (error) return say(`${number} ${errno(error) ?? 'EUNKNOWN'}`);
      const { size, free, available, inodes, inodesFree } = sizeOf(stats);
      say([number, size, free, available, inodes, inodesFree].join(' '));
    });
  })
  .on('close', end);
say('ready');
