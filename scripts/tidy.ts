/**
 * The repository's own rules, of what linters do not see: names, folders that belong together, what must not be in a file, and the way
 * of imports. `test/tidy.test.ts` runs each on this repository, and on a small offence that it must find.
 *
 * A rule reads a repository as a map of paths to texts and returns findings, `path: what is wrong: remedy`.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export type Files = ReadonlyMap<string, string>;
export interface Rule {
  readonly name: string;
  find(files: Files): string[];
}

const LINES_MAX = 300;
/** Longer files are recordings, which are read as far as this, in bytes. */
const READ_BYTES_MAX = 2 ** 20;
const LEFT_OUT = new Set(['.git', 'node_modules', 'dist', 'coverage', '.cache', '.setup-lock']);

/** Every file of a repository, made by git or by hand; a link's text is where it points. */
export function readRepository(root: string): Map<string, string> {
  const files = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(root, folder))) {
      if (LEFT_OUT.has(name)) continue;
      const path = folder === '' ? name : `${folder}/${name}`;
      const stat = lstatSync(join(root, path));
      if (stat.isDirectory()) walk(path);
      else if (stat.isSymbolicLink()) files.set(path, readlinkSync(join(root, path)));
      else if (stat.isFile()) files.set(path, readFileSync(join(root, path)).subarray(0, READ_BYTES_MAX).toString('utf8'));
    }
  };
  walk('');
  return files;
}

const isCode = (path: string): boolean => /\.(ts|mjs)$/.test(path) && !path.startsWith('fixtures/');
/** This file and its test name what they look for. */
const isTidy = (path: string): boolean => path === 'scripts/tidy.ts' || path === 'test/tidy.test.ts';
const nameIn = (path: string, folder: string): string | undefined => new RegExp(`^${folder}/([^/]+)\\.ts$`).exec(path)?.[1];

/** A rule over one file at a time. */
function perFile(
  name: string,
  applies: (path: string) => boolean,
  check: (path: string, text: string) => string | undefined,
): Rule {
  return {
    name,
    find: (files) =>
      [...files].flatMap(([path, text]) => {
        const finding = applies(path) ? check(path, text) : undefined;
        return finding === undefined ? [] : [`${path}: ${finding}`];
      }),
  };
}

/** A rule that no line of some files matches a pattern. */
function never(name: string, applies: (path: string) => boolean, pattern: RegExp, remedy: string): Rule {
  return {
    name,
    find: (files) =>
      [...files].flatMap(([path, text]) => {
        if (!applies(path) || isTidy(path)) return [];
        return text.split('\n').flatMap((line, i) => {
          const found = pattern.exec(line)?.[0];
          return found === undefined ? [] : [`${path}:${i + 1}: ${found}: ${remedy}`];
        });
      }),
  };
}

const length = perFile(`no file over ${LINES_MAX} lines`, isCode, (_path, text) => {
  const lines = text.split('\n').length - 1;
  return lines > LINES_MAX ? `${lines} lines: move a part that stands for itself into a file of its own` : undefined;
});

const names = perFile('kebab-case file names', isCode, (path) => {
  const component = /^(sensors|sinks)\//.test(path);
  const pattern = component ? /^[a-z0-9]+(_[a-z0-9]+)*\.ts$/ : /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config)?\.(ts|mjs)$/;
  const file = path.slice(path.lastIndexOf('/') + 1);
  if (pattern.test(file)) return undefined;
  return component ? 'the name of a component: rename it to lower_snake.ts' : 'rename it to kebab-case';
});

/** A sensor or sink and what belongs to it has one name everywhere. */
function complete(folder: 'sensors' | 'sinks', needed: (name: string) => readonly string[]): Rule {
  return {
    name: `${folder}: one name for component, test${folder === 'sensors' ? ', fixtures' : ''} and reference`,
    find: (files) => {
      const paths = [...files.keys()];
      const reference = files.get('docs/reference.md');
      return [...files].flatMap(([path, text]) => {
        const name = nameIn(path, folder);
        if (name === undefined) return [];
        const findings = needed(name)
          .filter((need) => !paths.some((other) => other === need || (need.endsWith('/') && other.startsWith(need))))
          .map((need) => `${path}: ${need} is missing: add it`);
        if (!text.includes(`name: '${name}'`)) findings.push(`${path}: exports no component of that name: say name: '${name}'`);
        if (reference !== undefined && !reference.includes(`### ${name}\n`)) {
          findings.push(`${path}: docs/reference.md does not have it: npm run docs`);
        }
        return findings;
      });
    },
  };
}

/** Paths that one file imports, type-only imports and re-exports included; packages and built-ins are left out. */
function importsOf(path: string, text: string): string[] {
  const found = text.matchAll(/(?:^|[\s;])(?:import|export)\b[^'";]*?\bfrom\s*'(\.[^']+)'|\bimport\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map((match) => join(path, '..', (match[1] ?? match[2]) as string));
}

/** The chain of imports from a file to the first that `wanted` accepts, or undefined. */
function chainTo(from: string, wanted: (path: string) => boolean, files: Files): string[] | undefined {
  const cameFrom = new Map<string, string>([[from, '']]);
  for (const path of cameFrom.keys()) {
    if (path !== from && wanted(path)) {
      const chain = [path];
      for (let at = cameFrom.get(path); at; at = cameFrom.get(at)) chain.unshift(at);
      return chain;
    }
    for (const next of importsOf(path, files.get(path) ?? '')) if (!cameFrom.has(next)) cameFrom.set(next, path);
  }
  return undefined;
}

/** What moves events and time; a sensor or sink must not come near it, however many files lie between. */
const MACHINERY =
  /^src\/(agent|bus|main|publisher|queue|registry|runner|runner-types|scheduler|sensor-task|sink-session)\.ts$|^src\/(cli|config|http)\//;

const direction = (folder: 'sensors' | 'sinks', other: RegExp, remedy: string): Rule => ({
  name: `${folder}: no way to the machinery, nor to other components`,
  find: (files) =>
    [...files.keys()].flatMap((path) => {
      if (nameIn(path, folder) === undefined) return [];
      const chain = chainTo(path, (to) => MACHINERY.test(to) || other.test(to), files);
      return chain === undefined ? [] : [`${chain.join(' → ')}: ${remedy}`];
    }),
});

const cycles: Rule = {
  name: 'no cycles of imports',
  find: (files) => {
    const told = new Set<string>();
    return [...files.keys()].filter(isCode).flatMap((path) => {
      const chain = told.has(path) ? undefined : chainBack(path, files);
      for (const member of chain ?? []) told.add(member);
      return chain === undefined ? [] : [`${chain.join(' → ')}: move what both need into a file that imports neither`];
    });
  },
};

function chainBack(path: string, files: Files): string[] | undefined {
  const imports = importsOf(path, files.get(path) ?? '');
  if (imports.includes(path)) return [path, path];
  for (const next of imports) {
    const chain = chainTo(next, (to) => to === path, files);
    if (chain !== undefined) return [path, ...chain];
  }
  return undefined;
}

const lock: Rule = {
  name: 'the lock file: what package.json says, for every platform, from no particular registry',
  find: (files) => {
    const manifest = files.get('package.json');
    const text = files.get('package-lock.json');
    if (manifest === undefined || text === undefined) return ['package-lock.json: missing: npm install --package-lock-only'];
    const { packages } = JSON.parse(text) as { packages: Record<string, Record<string, unknown>> };
    const declared = JSON.parse(manifest) as Record<string, unknown>;
    const findings: string[] = [];
    for (const key of ['dependencies', 'devDependencies', 'engines', 'bin', 'version']) {
      if (JSON.stringify(packages['']?.[key]) === JSON.stringify(declared[key])) continue;
      findings.push(`package-lock.json: ${key} differ from package.json: npm install --package-lock-only`);
    }
    for (const [path, entry] of Object.entries(packages)) {
      if ('resolved' in entry) findings.push(`package-lock.json: ${path} has "resolved": .npmrc leaves it out; delete it`);
      for (const name of Object.keys((entry['optionalDependencies'] as object | undefined) ?? {})) {
        if (`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages) continue;
        findings.push(`package-lock.json: ${name} is missing, and npm ci fails: add version, cpu and os, as of its neighbours`);
      }
    }
    return findings;
  },
};

const everywhere = (): boolean => true;
const component = (path: string): boolean => /^(sensors|sinks)\//.test(path) && isCode(path);
const product = (path: string): boolean => /^(src|sensors|sinks)\//.test(path) && isCode(path);
const test = (path: string): boolean => path.startsWith('test/') && isCode(path);

export const RULES: readonly Rule[] = [
  length,
  names,
  complete('sensors', (name) => [`fixtures/${name}/`, `test/sensors/${name}.test.ts`]),
  complete('sinks', (name) => [`test/sinks/${name}.test.ts`]),
  direction(
    'sensors',
    /^(sinks|sensors)\/|^src\/(sink|ledger|output)\.ts$|^src\/(codec|delivery)\//,
    'a sensor knows its source and nothing else',
  ),
  direction('sinks', /^(sinks|sensors)\/|^src\/(sensor|host)\.ts$/, 'a sink speaks its protocol and nothing else'),
  cycles,
  lock,
  never(
    'no machine paths',
    everywhere,
    /(?<![\w.$})-])\/(work\/|farm\/|root\/\.\w)/,
    'a path of one machine: make it relative, or a temporary folder',
  ),
  never(
    'no registry hosts',
    everywhere,
    /\bregistry\.[a-z]+[a-z.]*\.(org|com|io|net)\b/,
    'name packages, not where they come from',
  ),
  never(
    'nothing left to do',
    (path) => isCode(path) || path.endsWith('.md'),
    /\b(TODO|FIXME|XXX|HACK)\b/,
    'do it, or open an issue',
  ),
  never('no stubs', product, /\bstub\b|not implemented/i, 'implement it, or leave it out'),
  never(
    'no test alone or silent',
    test,
    /\b(it|test|describe|bench)\.(only|skip|todo)\b|\.skip\(\s*\)/,
    "run it; where it cannot run: skipIf and a name that says why, or context.skip('why')",
  ),
  never(
    'no clock in a component',
    component,
    /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b|\bset(Timeout|Interval)\(/,
    'the scheduler owns time; a sink takes a Clock of src/clock.ts',
  ),
];
