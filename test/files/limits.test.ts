/** The kernel's own limits on what one user may watch, lowered in a user namespace of the test's. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeJson } from '../../src/consumer.ts';
import { tidegate } from '../cli/process-support.ts';
import { folder } from './setup.ts';

/** A command line whose user has such a limit; its words take the place of the shell. */
const under = (limit: string): string[] => [
  'unshare',
  '-Ur',
  'sh',
  '-c',
  `echo ${limit.replace(' ', ' > /proc/sys/user/')} && exec "$@"`,
  'sh',
];
const [program = '', ...rest] = under('1 max_inotify_watches');
const may = process.platform === 'linux' && spawnSync(program, [...rest, 'true']).status === 0;

describe.skipIf(!may)('where the kernel watches no more folders (skipped where a test may have no user namespace)', () => {
  test.each([
    ['2 max_inotify_watches', 2, 'fs.inotify.max_user_watches'],
    ['0 max_inotify_instances', 0, 'fs.inotify.max_user_instances'],
  ])('%s: the others are listed, and what to raise is said', async (limit, watches, named) => {
    const root = folder();
    mkdirSync(join(root, 'tree/a/b/c'), { recursive: true });
    writeFileSync(join(root, 'tree/a/b/c/file'), 'x');
    const config = { sensors: { files: { paths: [join(root, 'tree/**')] } }, sinks: { console: {} } };
    writeFileSync(join(root, 'tidegate.yaml'), JSON.stringify(config));
    const once = ['--state', join(root, 'state'), 'once', '-c', join(root, 'tidegate.yaml'), '--format', 'json'];
    const { code, out, err } = await tidegate(once, { through: (command) => [...under(limit), ...command] });
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining(`raise ${named} (sysctl), or watch fewer`) });
    const events = out.trim().split('\n').map(decodeJson);
    const fieldOf = (type: string, name: string) => events.find((event) => event.type === type)?.fields[name]?.values[0];
    expect([fieldOf('files', 'count'), fieldOf('files.watching', 'folders'), fieldOf('files.watching', 'watches')]).toEqual([
      1,
      4,
      watches,
    ]);
  });
});
