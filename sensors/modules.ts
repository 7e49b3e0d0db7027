/** Modules of the kernel: their memory, who needs them, and when one is loaded or unloaded, from `<proc>/modules`: proc_modules(5). */
import * as z from 'zod';
import { type AnyTable, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { type HotFile, requirePath } from '../src/host.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import type { Row, Text } from '../src/text.ts';

/** Name, size, references, who needs it, state; address and taints may follow. */
const COLUMNS_MIN = 5;

// No convention has these.
const modules = defineSchema({
  type: 'system.kernel.module',
  doc: 'Each module that is loaded.',
  attributes: ['module.name'],
  fields: {
    memory: updowncounter('By', 'Memory that it takes.'),
    references: updowncounter(
      '{reference}',
      'How often it is used. Absent where it cannot be unloaded, or the kernel does not count.',
    ),
    dependants: updowncounter('{module}', 'Modules that need it.'),
    live: gauge('1', '1 when it works, 0 while it is loaded or unloaded.'),
    out_of_tree: gauge('1', '1 when it is not a part of the kernel, else 0 (taint O).'),
    unsigned: gauge('1', '1 when it has no valid signature, else 0 (taint E).'),
    proprietary: gauge('1', '1 when its licence is none that the kernel may be linked with, else 0 (taint P).'),
  },
});

const dependencies = defineSchema({
  type: 'system.kernel.module.dependant',
  doc: 'Which module needs which.',
  attributes: ['module.name', 'module.dependant'],
  fields: { info: gauge('1', 'Always 1.') },
});

const loaded = defineSchema({
  type: 'system.kernel.module.loaded',
  doc: 'A module is there that was not there at the sample before. One row; what is there at the start is no event.',
  attributes: ['module.name'],
  fields: { memory: gauge('By', 'Memory that it takes.') },
});

const unloaded = defineSchema({
  type: 'system.kernel.module.unloaded',
  doc: 'A module is gone that was there at the sample before. One row.',
  attributes: ['module.name'],
  fields: { memory: gauge('By', 'Memory that it took.') },
});

export default defineSensor({
  name: 'modules',
  summary:
    'Kernel modules with their memory and dependants, and an event for each that is loaded or unloaded, from /proc/modules.',
  emits: [modules, dependencies, loaded, unloaded],
  options: z.strictObject({}),
  open(host) {
    requirePath(host, host.procPath('modules'), 'listing modules (a kernel without CONFIG_MODULES has none)');
    return new Modules(host.proc('modules'));
  },
});

class Modules implements Sampler {
  readonly #file: HotFile;
  /** Memory by name, at the sample before. */
  #before: ReadonlyMap<string, number> | undefined;

  constructor(file: HotFile) {
    this.#file = file;
  }

  sample(): AnyTable[] {
    const now = new Map<string, number>();
    const tables = moduleTables(this.#file.read(), now);
    if (this.#before) {
      for (const [name, memory] of now) if (!this.#before.has(name)) tables.push(loaded.table().add([name], { memory }));
      for (const [name, memory] of this.#before) if (!now.has(name)) tables.push(unloaded.table().add([name], { memory }));
    }
    this.#before = now;
    return tables.filter(({ rows }) => rows > 0);
  }

  close(): void {
    this.#file.close();
  }
}

/** The two tables of what there is; puts the memory of each module into `memory`. */
function moduleTables(text: Text, memory: Map<string, number>): AnyTable[] {
  const [table, needed] = [modules.table(), dependencies.table()];
  for (const row of text.rows()) {
    if (row.count === 0) continue;
    if (row.count < COLUMNS_MIN) throw row.malformed(`fewer than ${COLUMNS_MIN} columns`);
    const name = row.text(0);
    const size = row.number(1);
    // `btrfs,raid456,`, or a dash. Where modules cannot be unloaded, `[permanent],` is among them and is no module.
    const dependants = row.is(3, '-')
      ? []
      : row
          .text(3)
          .split(',')
          .filter((one) => one !== '' && !one.startsWith('['));
    const taints = taintsOf(row);
    memory.set(name, size);
    table.add([name], {
      memory: size,
      references: row.is(2, '-') ? undefined : row.number(2),
      dependants: dependants.length,
      live: row.is(4, 'Live') ? 1 : 0,
      out_of_tree: taints.includes('O') ? 1 : 0,
      unsigned: taints.includes('E') ? 1 : 0,
      proprietary: taints.includes('P') ? 1 : 0,
    });
    for (const dependant of dependants) needed.add([name, dependant], { info: 1 });
  }
  return [table, needed];
}

/** The letters in `(OE)`, the last column where there are any. `(O+)` is being loaded. */
function taintsOf(row: Row): string {
  const last = row.count > COLUMNS_MIN ? row.text(row.count - 1) : '';
  return last.startsWith('(') ? last : '';
}
