/** Which of the mounts are reported: those that the options name, each filesystem once. */
import type { Place } from './mount-table.ts';

type Test = (name: string) => boolean;

/** Tests over mount points, types and devices. Where there is no `include`, everything is. */
export interface Choice {
  readonly include?: Test | undefined;
  readonly exclude: Test;
  readonly include_types?: Test | undefined;
  readonly exclude_types: Test;
  readonly include_devices?: Test | undefined;
  readonly exclude_devices: Test;
}

/**
 * Mounts in the order of the table. A filesystem that is mounted more than once is reported where it is `/`, or else where
 * its own root is mounted rather than a part of it, or else at the shortest mount point.
 */
export function choosePlaces(places: readonly Place[], choice: Choice): Place[] {
  const first = new Map<string, Place>();
  for (const place of places) {
    if (!isChosen(place, choice)) continue;
    const other = first.get(place.device);
    if (!other || isBetter(place, other)) first.set(place.device, place);
  }
  return places.filter((place) => first.get(place.device) === place);
}

function isChosen({ point, type, source }: Place, choice: Choice): boolean {
  // Asking an automounter mounts what it waits for.
  if (type === 'autofs') return false;
  if (!isWithin(point, choice.include, choice.exclude)) return false;
  // The root of a container is an overlay, that of a live system a squashfs: what is excluded elsewhere is of interest there.
  const excludeTypes = point === '/' ? () => false : choice.exclude_types;
  return isWithin(type, choice.include_types, excludeTypes) && isWithin(source, choice.include_devices, choice.exclude_devices);
}

const isWithin = (name: string, include: Test | undefined, exclude: Test): boolean => (include?.(name) ?? true) && !exclude(name);

function isBetter(a: Place, b: Place): boolean {
  if (a.point === '/' || b.point === '/') return a.point === '/';
  if (a.root.length !== b.root.length) return a.root.length < b.root.length;
  return a.point.length < b.point.length;
}
