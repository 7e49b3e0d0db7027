/**
 * Plain values that know where they were written. A container (an object or a list) is a plain JavaScript value, so that schemas
 * can check it; where its members come from is kept beside it.
 */
import type { Place } from './mistake.ts';
import type { Substituted } from './substitute.ts';

/** Where one member of a container was written. */
export interface Slot {
  /** Absent for the items of a list. */
  readonly key: Place | undefined;
  readonly value: Place;
  /** What `${…}` made of it, if it had any. */
  readonly text: Substituted | undefined;
  /** Another reading of the value, to be tried when the option does not take the first. */
  other?: unknown;
}

export type Container = Record<string, unknown> | unknown[];
export type Path = readonly PropertyKey[];
type Slots = Map<string, Slot>;

const slotsOf = new WeakMap<object, Slots>();

export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Adds a member with its origin. */
export function put(container: Container, key: string | number, value: unknown, slot: Slot | undefined): void {
  (container as Record<string, unknown>)[key] = value;
  if (slot === undefined) return;
  const slots = slotsOf.get(container) ?? new Map<string, Slot>();
  slots.set(String(key), slot);
  slotsOf.set(container, slots);
}

export function slotOf(container: unknown, key: PropertyKey): Slot | undefined {
  return typeof container === 'object' && container !== null ? slotsOf.get(container)?.get(String(key)) : undefined;
}

/** A mapping with some of the members, with their origins. */
export function pick(container: Record<string, unknown>, wanted: (key: string) => boolean): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(container)) if (wanted(key)) put(result, key, value, slotOf(container, key));
  return result;
}

/** Adds the members that the mapping does not have yet. */
export function inherit(mapping: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    if (!Object.hasOwn(mapping, key)) put(mapping, key, value, slotOf(from, key));
  }
}

/** The member at a path, with the container that holds it; undefined where the path leads to nothing. */
export function memberAt(root: Container, path: Path): { container: Container; key: PropertyKey; value: unknown } | undefined {
  let container: unknown = root;
  for (const [i, key] of path.entries()) {
    if (typeof container !== 'object' || container === null || !Object.hasOwn(container, key)) return undefined;
    const value: unknown = (container as Record<PropertyKey, unknown>)[key];
    if (i === path.length - 1) return { container: container as Container, key, value };
    container = value;
  }
  return undefined;
}

/**
 * Where what is at a path was written: a scalar itself, or a mapping's or list's key. What is missing is said to be at the
 * nearest container that is there.
 */
export function placeAt(root: Container, path: Path, rootPlace: Place | string): Place | string {
  let [container, place]: [unknown, Place | string] = [root, rootPlace];
  for (const key of path) {
    const slot = slotOf(container, key);
    if (!slot) break;
    container = (container as Record<PropertyKey, unknown>)[key];
    place = typeof container === 'object' ? (slot.key ?? slot.value) : slot.value;
  }
  return place;
}

/** As `placeAt`, but the key where there is one. */
export function keyPlaceAt(root: Container, path: Path, rootPlace: Place | string): Place | string {
  const member = memberAt(root, path);
  return (member && slotOf(member.container, member.key)?.key) ?? placeAt(root, path, rootPlace);
}

/** Whether a value has a text in it that could not be substituted: what else is wrong with it follows from that. */
export function isBroken(container: unknown, key: PropertyKey): boolean {
  if (slotOf(container, key)?.text?.broken) return true;
  const value = (container as Record<PropertyKey, unknown>)[key];
  return typeof value === 'object' && value !== null && Object.keys(value).some((inner) => isBroken(value, inner));
}
