/** `tidegate new sensor|sink NAME`: a component of one's own that works, to be changed. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { describe, UsageError } from '../errors.ts';
import { sensorFiles, sinkFiles } from '../plugin/skeleton.ts';
import { registry } from '../registry.ts';
import type { Context } from './context.ts';

const NAME_PATTERN = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const NAME_LENGTH_MAX = 64;
/** EX_USAGE and EX_CANTCREAT of sysexits.h. */
const [EXIT_USAGE, EXIT_CANNOT_CREATE] = [64, 73];

/** Writes its files. A file that is there already is never overwritten. */
export function newPlugin(kind: 'sensor' | 'sink', name: string, folder: string, { out }: Context): void {
  if (!NAME_PATTERN.test(name) || name.length > NAME_LENGTH_MAX)
    throw new UsageError(`"${name}" cannot be the name of a ${kind}; use words of a-z and 0-9 with "_" between them`, EXIT_USAGE);
  const taken = kind === 'sensor' ? registry.sensorNames() : registry.sinkNames();
  if (taken.includes(name)) throw new UsageError(`there is a ${kind} "${name}" already; choose another name`, EXIT_USAGE);
  const files = kind === 'sensor' ? sensorFiles(name) : sinkFiles(name);
  const there = Object.keys(files).find((path) => path !== 'package.json' && existsSync(join(folder, path)));
  if (there !== undefined)
    throw new UsageError(
      `${join(folder, there)} is there already and is not overwritten; choose another name`,
      EXIT_CANNOT_CREATE,
    );
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    if (existsSync(file)) continue;
    write(file, text);
    out.write(`wrote ${file}\n`);
  }
  out.write(nextSteps(kind, name, folder));
}

function write(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    throw new UsageError(`${file} cannot be written: ${describe(error)}`, EXIT_CANNOT_CREATE);
  }
}

function nextSteps(kind: 'sensor' | 'sink', name: string, folder: string): string {
  const steps = [
    ...(hasPackage(folder)
      ? []
      : [['npm install --prefix', folder, '--save-dev tidegate', '# for its test and for your editor'].join(' ')]),
    `node --test ${join(folder, 'test', `${name}.test.ts`)}`,
    kind === 'sensor' ? `tidegate once ${name} --plugins ${folder}` : `tidegate sinks ${name} --plugins ${folder}`,
  ];
  return `\nTry it:\n${steps.map((step) => `  ${step}\n`).join('')}and name the folder in the configuration: plugins: [${folder}]\n`;
}

/** Whether a file of the folder can import this package. */
function hasPackage(folder: string): boolean {
  try {
    createRequire(join(resolve(folder), 'x.js')).resolve('tidegate/package.json');
    return true;
  } catch {
    return false;
  }
}
