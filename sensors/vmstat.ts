/** Any counters of the kernel's memory management, by their own names, from `<proc>/vmstat`: proc_vmstat(5). */
import * as z from 'zod';
import { type AnyTable, counter, defineSchema, gauge } from '../src/event.ts';
import { type HotFile, requirePath } from '../src/host.ts';
import { globs } from '../src/options.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { Row, type Text } from '../src/text.ts';

// No convention has these: the names are the kernel's, and change with it.
const amounts = defineSchema({
  type: 'system.vmstat',
  doc: 'What there is of a kind, in pages unless the kernel says otherwise: most keys that begin with `nr_`.',
  attributes: ['vmstat.key'],
  fields: { value: gauge('1', 'The number behind the key.') },
});

const events = defineSchema({
  type: 'system.vmstat',
  doc: 'How often something happened, or how many pages it was: all other keys.',
  attributes: ['vmstat.key'],
  fields: { count: counter('1', 'The number behind the key.') },
});

/** Keys that begin with `nr_` and count all the same. */
const COUNTERS = /^nr_(dirtied|written|throttled_written|vmscan_write|vmscan_immediate_reclaim|foll_pin_\w+|tlb_\w+)$/;

/** What the sensor `paging` does not report and an operator asks after first. */
const KEYS = ['compact_*', 'drop_*', 'numa_*', 'thp_*', 'nr_dirty*', 'nr_writeback', 'nr_unevictable', 'workingset_*'];

const options = z.strictObject({
  keys: globs().prefault(KEYS).describe('Keys of /proc/vmstat to report, as patterns; `*` is all of them.'),
});

export default defineSensor({
  name: 'vmstat',
  summary: "Chosen counters of the kernel's memory management, by a pattern of their names, from /proc/vmstat.",
  emits: [amounts, events],
  options,
  open(host, { keys }) {
    requirePath(host, host.procPath('vmstat'), "the memory management's counters");
    return new Vmstat(host.proc('vmstat'), keys);
  },
});

interface Line {
  readonly key: string;
  readonly cells: readonly [string];
  readonly isAmount: boolean;
}

class Vmstat implements Sampler {
  readonly #file: HotFile;
  readonly #wanted: (key: string) => boolean;
  /** What each line holds; a kernel writes the same keys on the same lines. Undefined is a line that nobody asked for. */
  #lines: (Line | undefined)[] = [];

  constructor(file: HotFile, wanted: (key: string) => boolean) {
    this.#file = file;
    this.#wanted = wanted;
  }

  sample(): AnyTable[] {
    const text = this.#file.read();
    if (text.length === 0) throw text.first().malformed('the file is empty');
    let tables = this.#tables(text);
    if (!tables) {
      this.#learn(text);
      tables = this.#tables(text);
    }
    return tables?.filter(({ rows }) => rows > 0) ?? [];
  }

  close(): void {
    this.#file.close();
  }

  #learn(text: Text): void {
    this.#lines = [];
    for (const row of text.rows()) {
      const key = row.count > 0 ? row.text(0) : '';
      this.#lines.push(
        this.#wanted(key) ? { key, cells: [key], isAmount: key.startsWith('nr_') && !COUNTERS.test(key) } : undefined,
      );
    }
  }

  /** Undefined when the text is not laid out as it was learned. */
  #tables(text: Text): AnyTable[] | undefined {
    const [amount, event] = [amounts.table(), events.table()];
    const row = new Row(text);
    let number = 0;
    for (; row.next(); number++) {
      const line = this.#lines[number];
      if (line === undefined) continue;
      if (!row.is(0, line.key)) return undefined;
      if (line.isAmount) amount.add(line.cells, { value: row.number(1) });
      else event.add(line.cells, { count: row.number(1) });
    }
    return number === this.#lines.length ? [amount, event] : undefined;
  }
}
