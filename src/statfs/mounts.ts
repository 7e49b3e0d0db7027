/**
 * The mounts of a machine, from mountinfo: proc_pid_mountinfo(5).
 *
 * A line is `id parent major:minor root point options tag… - type source options`. A mount is seen at its mount point unless
 * another was mounted over it, or over a folder above it; of mounts at one point that are siblings, the later line is on top.
 */
import { unescapeOctal } from '../escape.ts';
import type { Row, Text } from '../text.ts';

export interface Mount {
  readonly id: string;
  readonly parent: string;
  /** Major and minor number of the filesystem: `8:1`. Bind mounts and subvolumes have those of what they are a part of. */
  readonly device: string;
  /** The folder of the filesystem that is mounted: `/`, or another with a bind mount or a subvolume. */
  readonly root: string;
  readonly point: string;
  /** Whether the filesystem is read-only, and whether it is so at this mount point. */
  readonly readOnly: { readonly whole: boolean; readonly here: boolean };
  /** Options of this mount point, and those of the filesystem: `rw,relatime`, `rw,size=64k`. */
  readonly options: { readonly here: string; readonly whole: string };
  readonly type: string;
  /** What is mounted: `/dev/sda1`, `server:/export`, or any word. */
  readonly source: string;
  /** The whole line. It changes when the filesystem is mounted anew, or with other options. */
  readonly line: string;
}

/** The first columns, before the tags. */
const COLUMNS = 6;

/** Every line of a mountinfo. Throws `Malformed`. */
export function parseMounts(text: Text): Mount[] {
  const mounts: Mount[] = [];
  for (const row of text.rows()) if (row.count > 0) mounts.push(parseMount(row));
  return mounts;
}

function parseMount(row: Row): Mount {
  let separator = COLUMNS;
  while (separator < row.count && !row.is(separator, '-')) separator++;
  if (separator + 1 >= row.count) throw row.malformed('no filesystem type behind a dash');
  // Single blanks here: what is mounted may be an empty word.
  const [type = '', source = '', options = ''] = row.rest(separator + 1).split(' ');
  return {
    id: row.text(0),
    parent: row.text(1),
    device: row.text(2),
    root: unescapeOctal(row.text(3)),
    point: unescapeOctal(row.text(4)),
    readOnly: { whole: isReadOnly(options), here: isReadOnly(row.text(5)) },
    options: { here: unescapeOctal(row.text(5)), whole: unescapeOctal(options) },
    type: unescapeOctal(type),
    source: unescapeOctal(source),
    line: row.rest(),
  };
}

const isReadOnly = (options: string): boolean => options.split(',').includes('ro');

/** The mounts that can be seen, by mount point. */
export function visibleMounts(mounts: readonly Mount[]): Map<string, Mount> {
  const listed = new Set(mounts.map(({ id }) => id));
  const points = Map.groupBy(mounts, ({ point }) => point);
  const visible = new Map<string, Mount>();
  for (const point of [...points.keys()].toSorted((a, b) => a.length - b.length)) {
    const below = covering(visible, point)?.id;
    let top: Mount | undefined;
    for (const mount of points.get(point) ?? []) {
      const { id, parent } = mount;
      // Above a root other than the machine's, a parent is not listed, or is the mount itself.
      const attached = parent === top?.id || parent === below || parent === id || !listed.has(parent);
      if (attached) top = mount;
    }
    if (top) visible.set(point, top);
  }
  return visible;
}

/** The mount that a folder is in: of those given, the one at the nearest mount point above it. */
function covering(visible: ReadonlyMap<string, Mount>, path: string): Mount | undefined {
  for (const above of pathsAbove(path)) {
    const mount = visible.get(above);
    if (mount) return mount;
  }
  return undefined;
}

/** `/a/b` has `/a` and `/` above it, nearest first. */
export function* pathsAbove(path: string): Generator<string, void> {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) yield path.slice(0, end);
  if (path !== '/') yield '/';
}
