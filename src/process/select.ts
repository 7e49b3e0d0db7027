/**
 * Which processes are wanted, and which group each belongs to.
 *
 * Rules are asked in order; the first that selects a process gives it its key: the name of its group. A process is asked about when
 * it is new, one scan later, when its name changes and now and then, because it may run another program, change its user or be moved.
 * It is selected, in this order:
 *   by a rule        as long as what the rule asks of it is so
 *   by a PID file    once named by the file of a rule, until it ends: its successor may be there already
 *   as a descendant  (with `children`) once it was seen as the child of one that has a key, until it ends: its parent may go first
 */
import type { Host } from '../host.ts';
import type { Text } from '../text.ts';
import { Identities } from './identity.ts';
import type { Process } from './process.ts';
import type { SlowFiles } from './slow-files.ts';
import type { ProcessTable } from './table.ts';

/** What selects a process; any of these is enough. */
export interface Selectors {
  readonly names?: ((name: string) => boolean) | undefined;
  readonly pattern?: RegExp | undefined;
  readonly users?: readonly string[] | undefined;
  readonly cgroups?: ((path: string) => boolean) | undefined;
  readonly pidfiles?: readonly string[] | undefined;
}

/** How a rule calls the group of a process: by a name of the rule's own, or by something of the process. */
export type Naming = { readonly group: string } | { readonly by: 'name' | 'user' | 'cgroup' };

export interface Rule {
  /** All processes when it is not given. */
  readonly selectors: Selectors | undefined;
  readonly naming: Naming;
}

export interface SelectionOptions {
  readonly rules: readonly Rule[];
  readonly children: boolean;
  readonly kernelThreads: boolean;
  /** Every process is read at every scan, because any may be among the top. */
  readonly watchAll: boolean;
}

/** The arguments that `pattern` is matched with are cut here, in bytes. */
const COMMAND_BYTES_MAX = 16 * 1024;

/** What is known of one process; undefined is not known, or not asked for. */
interface Choice {
  command: string | undefined;
  /** The command is as it was at this sample. */
  asked: boolean;
  uid: string | undefined;
  cgroup: string | undefined;
  own: string | undefined;
  pinned: Rule | undefined;
  inherited: string | undefined;
}

export class Selection {
  /** Whether `prepare` has something to wait for. */
  readonly slow: boolean;
  /** How many were wanted at the last choice and are beyond its maximum. */
  omitted = 0;
  readonly #table: ProcessTable;
  readonly #slowFiles: SlowFiles;
  readonly #options: SelectionOptions;
  readonly #host: Host;
  readonly #identities: Identities;
  readonly #choices = new Map<Process, Choice>();
  readonly #asks: { command: boolean; user: boolean; cgroup: boolean };

  constructor(host: Host, table: ProcessTable, slowFiles: SlowFiles, options: SelectionOptions) {
    this.#host = host;
    this.#table = table;
    this.#slowFiles = slowFiles;
    this.#options = options;
    this.#identities = new Identities(host);
    const asks = (what: keyof Selectors, by?: string): boolean =>
      options.rules.some(({ selectors, naming }) => selectors?.[what] !== undefined || ('by' in naming && naming.by === by));
    this.#asks = { command: asks('pattern'), user: asks('users', 'user'), cgroup: asks('cgroups', 'cgroup') };
    this.slow = this.#asks.command || asks('pidfiles');
  }

  /** The group of a process that was chosen. */
  keyOf(process: Process): string | undefined {
    const choice = this.#choices.get(process);
    return choice && keyOf(choice);
  }

  /** Reads, after a scan, what may take its time: arguments and PID files. What is late is asked again at the next sample. */
  async prepare(deadline: AbortSignal): Promise<void> {
    if (this.#asks.command) {
      for (const process of this.#table.processes) {
        if (!process.changed || !this.#wanted(process)) continue;
        const command = await this.#slowFiles.read(`${process.folder}/cmdline`, deadline);
        if (command === 'late') break;
        const choice = this.#choice(process);
        choice.command = typeof command === 'string' ? '' : words(command);
        choice.asked = true;
      }
    }
    for (const rule of this.#options.rules) {
      for (const file of rule.selectors?.pidfiles ?? []) await this.#pin(rule, file, deadline);
    }
  }

  /** The processes that are wanted, after a scan. The first `max` of them; the others are not read, but for now and then. */
  choose(max: number): Process[] {
    this.omitted = 0;
    for (const process of this.#table.gone) this.#choices.delete(process);
    const { processes } = this.#table;
    processes.forEach((process) => {
      if (process.changed && this.#wanted(process)) this.#identify(process);
    });
    if (this.#options.children) while (this.#inherit());
    const chosen: Process[] = [];
    processes.forEach((process) => {
      const choice = this.#choices.get(process);
      const key = choice && keyOf(choice);
      const over = key !== undefined && chosen.length >= max;
      if (over) this.omitted++;
      process.watch(this.#wanted(process) && !over && (key !== undefined || this.#options.watchAll));
      if (key === undefined || over) return;
      if (this.#table.refresh(process)) chosen.push(process);
      else this.#choices.delete(process);
    });
    return chosen;
  }

  #wanted(process: Process): boolean {
    return !process.kernel || this.#options.kernelThreads;
  }

  #choice(process: Process): Choice {
    const known = this.#choices.get(process);
    if (known) return known;
    const choice: Choice = {
      command: undefined,
      asked: false,
      uid: undefined,
      cgroup: undefined,
      own: undefined,
      pinned: undefined,
      inherited: undefined,
    };
    this.#choices.set(process, choice);
    return choice;
  }

  #identify(process: Process): void {
    const choice = this.#choice(process);
    // While it has not told its arguments it stays to be asked about, but the other selectors may have it already.
    process.changed = this.#asks.command && !choice.asked;
    choice.asked = false;
    if (this.#asks.user) choice.uid = this.#identities.uid(process);
    if (this.#asks.cgroup) choice.cgroup = this.#identities.cgroup(process);
    const rule =
      this.#options.rules.find(({ selectors }) => !selectors || this.#selects(selectors, process, choice)) ?? choice.pinned;
    choice.own = rule && this.#name(rule, process, choice);
  }

  #selects({ names, pattern, users, cgroups }: Selectors, process: Process, choice: Choice): boolean {
    if (names?.(process.name)) return true;
    if (pattern && choice.command !== undefined && pattern.test(choice.command)) return true;
    const { uid } = choice;
    if (users && uid !== undefined && (users.includes(uid) || users.includes(this.#identities.userName(uid)))) return true;
    return cgroups !== undefined && choice.cgroup !== undefined && cgroups(choice.cgroup);
  }

  /** Undefined when what the group is called by cannot be read: the process is about to go. */
  #name({ naming }: Rule, process: Process, { uid, cgroup }: Choice): string | undefined {
    if ('group' in naming) return naming.group;
    if (naming.by === 'name') return process.name;
    if (naming.by === 'cgroup') return cgroup;
    return uid === undefined ? undefined : this.#identities.userName(uid);
  }

  /** Gives children the key of their parent; true when any got one, and its own children may want it too. */
  #inherit(): boolean {
    let any = false;
    for (const process of this.#table.processes) {
      const choice = this.#choices.get(process);
      if (!choice || keyOf(choice) !== undefined) continue;
      const parent = this.#table.get(process.parent);
      const theirs = parent && this.#choices.get(parent);
      choice.inherited = theirs && keyOf(theirs);
      any ||= choice.inherited !== undefined;
    }
    return any;
  }

  async #pin(rule: Rule, file: string, deadline: AbortSignal): Promise<void> {
    const content = await this.#slowFiles.read(this.#host.mountPath(file), deadline);
    if (typeof content === 'string') return;
    // The number is the first word; PostgreSQL writes more behind it.
    const [, pid = ''] = /^\s*(\d+)/.exec(content.toString()) ?? [];
    const process = this.#table.get(pid);
    if (!process || !this.#wanted(process)) return;
    const choice = this.#choice(process);
    if (choice.pinned) return;
    choice.pinned = rule;
    process.changed = true;
  }
}

/** What it is chosen for itself comes before what its parent is chosen for. */
const keyOf = ({ own, inherited }: Choice): string | undefined => own ?? inherited;

/** The arguments, each ended by NUL, as a line. Some programs leave out the last NUL, others write many. */
function words({ buffer, length }: Text): string {
  const cut = buffer.toString('utf8', 0, Math.min(length, COMMAND_BYTES_MAX));
  return cut.replace(/\0+$/, '').replaceAll('\0', ' ');
}
