/**
 * Finds cgroups by patterns over their paths. Each name of a path is matched by itself: `*`, `?`, `[ab]` and `{a,b}` within one
 * name, `**` for any number of names, none included. Only folders that can still match are listed.
 * A backslash stands for itself: systemd writes `\x2d` into names, and a pattern is mostly a name that was copied.
 */
import picomatch from 'picomatch';
import type { Host } from '../host.ts';
import type { Place } from './mounts.ts';

/** What one name must be: exactly this, anything the test takes, or (`**`) any number of names. */
type Segment = string | ((name: string) => boolean) | typeof ANY_DEPTH;
export type PathPattern = readonly Segment[];

const ANY_DEPTH = Symbol('**');

/** What is wrong with a pattern, or undefined. */
export function wrongPattern(pattern: string): string | undefined {
  const segments = split(pattern);
  if (segments.length === 0) return 'names no cgroup';
  if (segments.some((segment) => segment === '..' || segment === '.')) return 'has a . or .. in it';
  const cut = segments.some((segment) => segment.split('{').length !== segment.split('}').length);
  return cut ? 'has braces that are not closed before the next /' : undefined;
}

/** A pattern that `wrongPattern` finds nothing wrong with. A slash at either end means nothing. */
export function pathPattern(pattern: string): PathPattern {
  return split(pattern).map((segment) => {
    if (segment === '**') return ANY_DEPTH;
    if (!/[*?[\]{}()]/.test(segment)) return segment;
    return picomatch(segment.replaceAll('\\', '\\\\'), { dot: true, nonegate: true, noextglob: true });
  });
}

/** The cgroups below `top` that one of the patterns matches, by path. */
export function findCgroups(host: Host, top: string, patterns: readonly PathPattern[]): Map<string, Place> {
  const found = new Map<string, Place>();
  const listed = new Map<string, readonly string[]>();
  const folders = (path: string): readonly string[] => {
    const known = listed.get(path);
    if (known) return known;
    const entries = host.entries(top + path) ?? [];
    const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    listed.set(path, names);
    return names;
  };
  for (const pattern of patterns) {
    const seen = new Set<string>();
    const visit = (path: string, index: number): void => {
      // `a/**/b/**` can reach one cgroup by more than one way.
      if (seen.has(`${index}${path}`)) return;
      seen.add(`${index}${path}`);
      const segment = pattern[index];
      if (segment === undefined) found.set(path || '/', { path: path || '/', folder: top + path });
      else if (typeof segment === 'string') {
        if (host.exists(`${top}${path}/${segment}`)) visit(`${path}/${segment}`, index + 1);
      } else {
        if (segment === ANY_DEPTH) visit(path, index + 1);
        for (const name of folders(path)) {
          if (segment === ANY_DEPTH) visit(`${path}/${name}`, index);
          else if (segment(name)) visit(`${path}/${name}`, index + 1);
        }
      }
    };
    visit('', 0);
  }
  return found;
}

const split = (pattern: string): string[] => pattern.split('/').filter((segment) => segment !== '');
