/** Options that select processes, as an operator writes them, and the rules that they make. */
import * as z from 'zod';
import { globs, regex } from '../options.ts';
import type { Naming, Rule, Selectors } from './select.ts';

const selectors = {
  names: globs()
    .optional()
    .describe("Names of commands, as patterns. The kernel cuts names to 15 bytes; Node's own is node unless it sets a title.")
    .meta({ examples: [['nginx', 'php-fpm*']] }),
  pattern: regex()
    .optional()
    .describe('A regular expression that is found in the command line: the arguments, separated by blanks.')
    .meta({ examples: ['java .*kafka\\.Kafka'] }),
  users: z
    .array(z.union([z.string().min(1), z.int().min(0)]))
    .optional()
    .describe('Names or numbers of effective users.')
    .meta({ examples: [['postgres', 33]] }),
  cgroups: globs()
    .optional()
    .describe('Paths of control groups, as patterns.')
    .meta({ examples: [['/system.slice/*.service']] }),
  pidfiles: z
    .array(z.string().min(1))
    .optional()
    .describe("Files that hold a process' number; once selected by one, a process stays so until it ends.")
    .meta({ examples: [['/run/nginx.pid']] }),
};
const SELECTORS = Object.keys(selectors) as (keyof typeof selectors)[];

type Selecting = { readonly [K in keyof typeof selectors]?: z.output<(typeof selectors)[K]> };

export const options = z
  .strictObject({
    ...selectors,
    top: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe(
        'Selects so many processes that used the most CPU time since the last sample, and as many that use the most memory.',
      ),
    groups: z
      .record(z.string().min(1), z.strictObject(selectors))
      .optional()
      .describe('Named groups and what selects their members; a process belongs to the first that selects it.')
      .meta({ examples: [{ web: { names: ['nginx', 'php-fpm*'] }, database: { users: ['postgres'] } }] }),
    group_by: z
      .enum(['none', 'name', 'user', 'cgroup'])
      .default('none')
      .describe('One row for each process, or for all that have this in common.'),
    children: z
      .boolean()
      .default(false)
      .describe(
        'Selects the descendants of what is selected too, into its group; their use between their last sample and their end is counted.',
      ),
    kernel_threads: z.boolean().default(false).describe("Threads of the kernel's own too."),
    limit: z.int().min(1).max(100_000).default(1000).describe('The most rows; processes beyond it are counted.'),
    io: z.boolean().default(true).describe('Read disk I/O; of processes of other users, only root may.'),
    file_descriptors: z
      .boolean()
      .default(true)
      .describe('Count open file descriptors; of processes of other users, before Linux 6.2, only root may.'),
    status: z
      .boolean()
      .default(false)
      .describe("Read context switches and swap, from /proc/PID/status. Doubles the sensor's CPU time."),
    pss: z
      .boolean()
      .default(false)
      .describe(
        'Read the proportional memory, from /proc/PID/smaps_rollup: the kernel walks the memory of the process, and holds its lock meanwhile.',
      ),
    keep_open: z
      .int()
      .min(0)
      .default(1024)
      .describe('The most files kept open from sample to sample; a file beyond it takes two to three times as long to read.'),
  })
  .superRefine((given, context) => {
    const complain = (message: string, ...path: string[]): void => context.addIssue({ code: 'custom', message, path });
    const own = [...SELECTORS, 'top' as const].filter((name) => given[name] !== undefined);
    if (given.top !== undefined && given.group_by !== 'none') {
      complain('the top changes from sample to sample, so it cannot be grouped: leave out top or group_by', 'top');
    }
    if (!given.groups) return;
    if (own.length > 0) complain(`groups select for themselves: move ${own.join(', ')} into a group`, own[0] as string);
    if (given.group_by !== 'none') complain('named groups and group_by exclude each other', 'group_by');
    for (const [name, group] of Object.entries(given.groups)) {
      if (SELECTORS.every((key) => group[key] === undefined))
        complain(`selects nothing: give it one of ${SELECTORS.join(', ')}`, 'groups', name);
    }
  });

export type ProcessOptions = z.output<typeof options>;

/** What is selected into which group. With `top` alone no rule selects anything. */
export function rulesOf({ groups, group_by, top, ...own }: ProcessOptions): Rule[] {
  if (groups) return Object.entries(groups).map(([group, given]) => ({ selectors: selectorsOf(given), naming: { group } }));
  const naming: Naming = group_by === 'none' ? { group: '' } : { by: group_by };
  if (SELECTORS.some((key) => own[key] !== undefined)) return [{ selectors: selectorsOf(own), naming }];
  return top === undefined ? [{ selectors: undefined, naming }] : [];
}

const selectorsOf = ({ names, pattern, users, cgroups, pidfiles }: Selecting): Selectors => ({
  names,
  pattern,
  users: users?.map(String),
  cgroups,
  pidfiles,
});
