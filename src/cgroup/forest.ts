/**
 * The cgroups that are sampled: our own and those that patterns name, in every hierarchy. Looked for anew at a bounded rate, by the
 * machine's uptime, because listing a large tree costs more than reading what is known.
 */
import type { FileReader, Host, HotFile } from '../host.ts';
import { BlockNames } from './block-names.ts';
import { Group, type Interface, type Limits } from './group.ts';
import { type Hierarchy, ownCgroup, ownPaths, type Place } from './mounts.ts';
import { findCgroups, type PathPattern } from './tree.ts';
import { version1 } from './v1.ts';
import { version2 } from './v2.ts';

/** What a hierarchy tells of its cgroups. On a hybrid machine version 2 tells what no version 1 controller does. */
export type Part = 'cpu' | 'memory' | 'disk' | 'pids' | 'pressure';
const PARTS: readonly Part[] = ['cpu', 'memory', 'disk', 'pids', 'pressure'];
const CONTROLLER_PARTS: Readonly<Record<string, Part>> = {
  cpu: 'cpu',
  cpuacct: 'cpu',
  memory: 'memory',
  blkio: 'disk',
  pids: 'pids',
};

export interface Member {
  readonly group: Group;
  readonly limits: Limits;
}

export interface Tree {
  readonly from: Interface;
  readonly parts: ReadonlySet<Part>;
  readonly members: readonly Member[];
}

export interface ForestSettings {
  readonly patterns: readonly PathPattern[];
  /** The most cgroups that are kept. */
  readonly limit: number;
  /** Milliseconds between two searches. */
  readonly rescan: number;
}

export class Forest {
  readonly #host: Host;
  readonly #hierarchies: readonly Hierarchy[];
  readonly #settings: ForestSettings;
  readonly #reader: FileReader;
  readonly #uptime: HotFile;
  /** Our own cgroups by folder, a handful; their files stay open. Those that `paths` names may be thousands, and come and go. */
  readonly #own = new Map<string, Group>();
  #scannedAt = Number.NEGATIVE_INFINITY;
  #trees: readonly Tree[] = [];
  /** How many cgroups are sampled; one path is one cgroup, in however many hierarchies. */
  count = 0;
  /** How many are not, being more than the limit. */
  omitted = 0;
  readonly blocks: BlockNames;

  constructor(host: Host, hierarchies: readonly Hierarchy[], settings: ForestSettings) {
    this.#host = host;
    this.#hierarchies = hierarchies;
    this.#settings = settings;
    this.#reader = host.reader();
    this.#uptime = host.proc('uptime', 'at once');
    this.blocks = new BlockNames(host);
  }

  /** The trees as they were when last looked at, which is `rescan` ago at most. */
  trees(): readonly Tree[] {
    const uptime = this.#uptime.maybe()?.number();
    // Without an uptime every sample searches.
    const now = uptime === undefined ? Number.POSITIVE_INFINITY : uptime * 1000;
    if (now >= this.#scannedAt + this.#settings.rescan) {
      this.#scan();
      this.#scannedAt = now;
    }
    return this.#trees;
  }

  close(): void {
    this.#uptime.close();
    for (const group of this.#own.values()) group.close();
    this.#own.clear();
  }

  #scan(): void {
    const memberships = ownPaths(this.#host);
    const found = this.#hierarchies.map((hierarchy) => ({
      hierarchy,
      own: ownCgroup(this.#host, hierarchy, memberships),
      named: findCgroups(this.#host, hierarchy.top, this.#settings.patterns),
    }));
    const own = new Set(found.flatMap((tree) => tree.own?.path ?? []));
    const named = new Set(found.flatMap((tree) => [...tree.named.keys()]).filter((path) => !own.has(path)));
    const kept = [...named].sort().slice(0, Math.max(this.#settings.limit - own.size, 0));
    const paths = [...own, ...kept];
    this.#trees = found.map(({ hierarchy, own: mine, named: others }) => {
      const from = hierarchy.version === 2 ? version2 : version1;
      const places = paths.flatMap((path) => (mine?.path === path ? mine : others.get(path)) ?? []);
      return { from, parts: this.#parts(hierarchy), members: places.map((place) => this.#member(from, place, place === mine)) };
    });
    this.#leave(new Set(found.flatMap((tree) => tree.own?.folder ?? [])));
    this.count = paths.length;
    this.omitted = named.size - kept.length;
    this.blocks.clear();
  }

  #parts(hierarchy: Hierarchy): ReadonlySet<Part> {
    const told = (controllers: readonly string[]): Part[] => controllers.map((name) => CONTROLLER_PARTS[name] as Part);
    if (hierarchy.version === 1) return new Set(told(hierarchy.controllers));
    const others = this.#hierarchies.flatMap(({ controllers }) => told(controllers));
    return new Set(PARTS.filter((part) => !others.includes(part)));
  }

  #member(from: Interface, place: Place, own: boolean): Member {
    const group = own ? this.#ownGroup(place) : new Group(this.#host, this.#reader, place, false);
    return { group, limits: from.limits(group) };
  }

  #ownGroup(place: Place): Group {
    const known = this.#own.get(place.folder);
    if (known?.path === place.path) {
      known.refresh();
      return known;
    }
    known?.close();
    const group = new Group(this.#host, this.#reader, place, true);
    this.#own.set(place.folder, group);
    return group;
  }

  /** Closes the files of cgroups that we are no longer in. */
  #leave(folders: ReadonlySet<string>): void {
    for (const [folder, group] of this.#own) {
      if (folders.has(folder)) continue;
      group.close();
      this.#own.delete(folder);
    }
  }
}
