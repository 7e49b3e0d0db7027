/** Any command, run at each sample or all the time, and what it prints as typed tables. docs/commands-and-files.md. */
import { STATES } from '../src/command/nagios.ts';
import { openCommand } from '../src/command/open.ts';
import { options } from '../src/command/options.ts';
import type { CommandResult } from '../src/command/result.ts';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, gauge } from '../src/event.ts';
import { Mapping } from '../src/json/mapping.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';

const run = defineSchema({
  type: 'command.run',
  doc: 'What became of the command. Counters count from when the sensor was opened.',
  attributes: [],
  fields: {
    up: gauge('1', '1 when the last run was as it should be, or the stream runs and can be read; else 0.'),
    running: gauge('1', '1 when it runs now, 0 when it does not.'),
    status: gauge('1', 'Exit status of a run that has ended since the last sample. Absent when a signal ended it.'),
    duration: gauge('s', 'How long the run took, or has taken so far.'),
    size: gauge('By', 'What it printed: in the run, or of a stream since the last sample.'),
    runs: counter('{run}', 'Runs that have ended.'),
    failures: counter('{run}', 'Those of them that were not as they should be. A stream should not end.'),
    timeouts: counter('{run}', 'Runs that were ended because they took too long, or streams because they said nothing.'),
    overruns: counter('{sample}', 'Samples that had nothing to tell because the run was not over.'),
    records: counter('{record}', 'Records that were read: lines that fit, rows, documents.'),
    discarded: counter('{line}', 'Lines of a stream that were too long, unreadable, half, or more than may wait.'),
  },
});

const failed = defineSchema({
  type: 'command.error',
  doc: 'A row when the run was not as it should be: start, status, signal, timeout, output, format, silence or ended.',
  attributes: ['error.type', 'error.message'],
  fields: { failed: gauge('1', 'Always 1: the attributes are what it says.') },
});

const made = defineSchema({
  type: 'command.table',
  doc: 'What became of each table of the mapping.',
  attributes: ['command.table', 'error.message'],
  fields: {
    rows: gauge('{row}', 'Rows that it has.'),
    problems: gauge('{value}', 'Values that are not what the mapping says. They are absent; the attribute names the first.'),
  },
});

const state = defineSchema({
  type: 'command.nagios',
  doc: "A plugin's status, with format nagios: a row for each of ok, warning, critical and unknown, and what it says in words.",
  attributes: ['command.state', 'command.text'],
  fields: { active: gauge('1', '1 for the status that it has, else 0.') },
});

const perfdata = defineSchema({
  type: 'command.perfdata',
  doc: "A plugin's performance data, with format nagios. Times are in seconds, sizes in bytes, percentages are ratios.",
  attributes: ['command.label', 'command.unit', 'command.kind'],
  fields: {
    value: gauge('1', 'The value, in the unit of the attribute. Absent when the plugin could not tell (U).'),
    warning: gauge('1', 'Upper end of what is no warning.'),
    critical: gauge('1', 'Upper end of what is not critical.'),
    min: gauge('1', 'The least that it can be.'),
    max: gauge('1', 'The most that it can be.'),
  },
});

const sample = defineSchema({
  type: 'command.sample',
  doc: 'A row for each series, with format prometheus. `labels` is a map.',
  attributes: ['name', 'labels', 'kind'],
  maps: ['labels'],
  fields: {
    value: gauge('1', 'The number of the sample, in the unit that its name says.'),
    timestamp: gauge('s', 'The time that the text gives the sample, in Unix time. Absent where it gives none.'),
  },
});

const TEXT_MAX = 1024;

export default defineSensor({
  name: 'command',
  summary:
    'Any command, at each sample or as a stream, and tables of what it prints: lines, JSON, CSV, key=value, Nagios plugins, Prometheus text.',
  emits: [run, failed, made, state, perfdata, sample],
  emitsFor: ({ tables }) => new Mapping(tables, 1).schemas,
  options,
  byDefault: false,
  open(host, given, context): Sampler {
    if (!host.live) throw new Unavailable('a command runs on this machine, and what is sampled is another');
    const sampler = openCommand(given, context);
    return { sample: async (signal, time) => tablesOf(await sampler.sample(signal, time)), close: () => sampler.close() };
  },
});

function tablesOf(result: CommandResult): AnyTable[] {
  const { up, running, status, duration, size, failure, counts, filled, nagios, samples = [] } = result;
  const tables: AnyTable[] = [
    run
      .table()
      .add([], { up: up === undefined ? undefined : Number(up), running: Number(running), status, duration, size, ...counts }),
  ];
  if (failure) tables.push(failed.table().add([failure.kind, failure.message], { failed: 1 }));
  const [outcomes, states, measures, series] = [made.table(), state.table(), perfdata.table(), sample.table()];
  for (const { name, rows, problems, problem = '' } of filled) outcomes.add([name, problem], { rows, problems });
  if (nagios) {
    const text = nagios.text.slice(0, TEXT_MAX);
    for (const [status_, one] of STATES.entries()) states.add([one, text], { active: nagios.status === status_ ? 1 : 0 });
    for (const { label, unit, counter: grows, value, warning, critical, min, max } of nagios.perfdata)
      measures.add([label.slice(0, TEXT_MAX), unit, grows ? 'counter' : 'gauge'], { value, warning, critical, min, max });
  }
  for (const { name, labels, kind, value, timestamp } of samples) series.add([name, labels, kind], { value, timestamp });
  tables.push(...[outcomes, states, measures, series].filter(({ rows }) => rows > 0));
  return [...tables, ...filled.flatMap(({ table }) => (table ? [table] : []))];
}
