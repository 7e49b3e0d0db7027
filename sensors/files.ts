/** Files, folders and logs: what happens to them, how many they are, what lines come. docs/commands-and-files.md. */
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { openFiles } from '../src/files/open.ts';
import { options } from '../src/files/options.ts';
import { type FilesResult, mappingOf } from '../src/files/sampler.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';

const files = defineSchema({
  type: 'files',
  doc: 'The files of each path that is given.',
  attributes: ['files.watch'],
  fields: {
    count: updowncounter('{file}', 'Files that there are.'),
    size: updowncounter('By', 'Their size.'),
    'oldest.age': gauge('s', 'How long ago the file was modified that has been left alone the longest. Absent without files.'),
    'newest.age': gauge('s', 'How long ago the file was modified that was modified last. Absent without files.'),
  },
});

const changes = defineSchema({
  type: 'files.changes',
  doc: 'How much has happened to the files of each path since the sensor was opened: created, modified, deleted, renamed, attributes.',
  attributes: ['files.watch', 'files.change'],
  fields: { count: counter('{change}', 'Changes. What happens to one file within a tenth of a second is one.') },
});

const change = defineSchema({
  type: 'files.change',
  doc: 'Something has happened to a file: an event for each. The checksum is absent, an empty text, unless it is asked for.',
  attributes: ['files.change', 'file.path', 'file.path.before', 'files.watch', 'file.checksum'],
  fields: {
    size: gauge('By', 'Its size; of one that was deleted, what it was.'),
    'size.before': gauge('By', 'Its size before. Absent for one that was created.'),
    modified: gauge('s', 'When it was modified last, as Unix time.'),
  },
});

const watching = defineSchema({
  type: 'files.watching',
  doc: 'What it costs to watch.',
  attributes: [],
  fields: {
    folders: updowncounter('{folder}', 'Folders that are looked into.'),
    watches: updowncounter('{watch}', 'Those of them that the kernel watches. The others are listed at each sample.'),
    omitted: updowncounter('{file}', 'Files that are not seen because there are more than max_files.'),
    untold: counter(
      '{change}',
      'Changes that were counted and are no events, because there were more than max_events in a sample.',
    ),
  },
});

const tail = defineSchema({
  type: 'files.tail',
  doc: 'Each log that is followed.',
  attributes: ['files.tail', 'file.path'],
  fields: {
    up: gauge('1', '1 when there is a file and it can be read, else 0.'),
    lines: counter('{line}', 'Lines that were read.'),
    matched: counter('{line}', 'Those of them that the pattern fits.'),
    overlong: counter('{line}', 'Lines that were too long, which are no part of the others.'),
    rotations: counter('{rotation}', 'How often another file took its place.'),
    truncations: counter('{truncation}', 'How often it became shorter, or began otherwise.'),
    lag: gauge('By', 'What was not read yet.'),
  },
});

const table = defineSchema({
  type: 'files.table',
  doc: 'What became of each table of a log.',
  attributes: ['files.tail', 'files.table', 'error.message'],
  fields: {
    rows: gauge('{row}', 'Rows that it has.'),
    problems: gauge('{value}', 'Values that are not what the mapping says. They are absent; the attribute names the first.'),
  },
});

export default defineSensor({
  name: 'files',
  summary: 'What happens to files and folders, how many and how old they are, and the lines of logs across rotation.',
  emits: [files, changes, change, watching, tail, table],
  emitsFor: ({ tail: tails }) => Object.values(tails).flatMap((one) => mappingOf(one).schemas),
  options,
  byDefault: false,
  async open(host, given, context): Promise<Sampler> {
    if (host.recording) throw new Unavailable('files are watched on a machine that runs, and this one is recorded');
    const sampler = await openFiles(host, given, context);
    return {
      sample(_signal, time) {
        const result = sampler.sample(time);
        return result instanceof Promise ? result.then((later) => tablesOf(later, time / 1000)) : tablesOf(result, time / 1000);
      },
      close: () => sampler.close(),
    };
  },
});

function tablesOf(result: FilesResult, now: number): AnyTable[] {
  const tables: AnyTable[] = [];
  if (result.totals.length > 0) {
    const [totals, counts] = [files.table(), changes.table()];
    const age = (moment: number | undefined): number | undefined => moment && Math.max(0, now - moment);
    for (const { watch, count, size, oldest, newest } of result.totals)
      totals.add([watch], { count, size, 'oldest.age': age(oldest), 'newest.age': age(newest) });
    for (const [watch, kinds] of result.counts) for (const [kind, count] of kinds) counts.add([watch, kind], { count });
    tables.push(totals, counts, watching.table().add([], result.watch));
  }
  for (const { kind, entry, before, checksum } of result.changes) {
    const from = kind === 'renamed' ? (before?.path ?? '') : '';
    tables.push(
      change.table().add([kind, entry.path, from, entry.watch, checksum], {
        size: entry.size,
        'size.before': before?.size,
        modified: entry.modified,
      }),
    );
  }
  const [tails, outcomes] = [tail.table(), table.table()];
  for (const { name, path, up, lag, counts, filled } of result.tails) {
    tails.add([name, path], { up: Number(up), lag, ...counts });
    for (const { name: one, rows, problems, problem = '' } of filled) outcomes.add([name, one, problem], { rows, problems });
  }
  tables.push(...[tails, outcomes].filter(({ rows }) => rows > 0));
  return [...tables, ...result.tails.flatMap(({ filled }) => filled.flatMap((one) => (one.table ? [one.table] : [])))];
}
