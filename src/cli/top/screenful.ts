/**
 * What `tidegate top` shows, as lines: a pure function of the service's status, what the operator chose, and the size of the terminal.
 *
 *   is all well, else what is not, a sentence each, a third of the lines at most
 *   the service: host, rates, CPU, memory
 *   sinks, sensors: both, or one of them over all lines
 *   keys
 *
 * No line is wider and no screen is taller than the terminal.
 */
import type { Condition, StatusView } from '../../http/view.ts';
import { percent, size, time, timeOfDay } from '../../words.ts';
import { cutLine, type Line, lineWidth, type Style, span } from '../live/line.ts';
import { type Signs, shown, wrap } from '../live/text.ts';
import { SORTS, type Sort, sortSensors, sortSinks } from './order.ts';
import { sensorLines } from './sensors.ts';
import { sinkLines, totals } from './sinks.ts';

export const VIEWS = ['both', 'sinks', 'sensors'] as const;
export type View = (typeof VIEWS)[number];

/** What the operator chose. */
export interface Choice {
  readonly sort: Sort;
  readonly view: View;
  /** Rows of the last table above the first that is shown. */
  readonly scroll: number;
  /** Whether the screen stands still. */
  readonly paused: boolean;
  /** Whether keys are read, so that it makes sense to name them. */
  readonly keys: boolean;
}

export interface Seen {
  /** The last that the service told. */
  readonly status: StatusView;
  /** Since when it tells nothing, in milliseconds since 1970, and why. */
  readonly away: { readonly since: number; readonly why: string } | undefined;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const STYLES: Readonly<Record<Condition, Style>> = { well: 'green', degraded: 'yellow', failing: 'red' };
/** Lines of one finding. */
const FINDING_LINES_MAX = 3;
const GAP = '  ';

/** A screenful; `now` is this machine's time in milliseconds since 1970. */
export function screenful(seen: Seen, choice: Choice, { columns, rows }: Size, now: number, signs: Signs): Line[] {
  const verdict = verdictLines(seen, now, columns, Math.max(1, Math.floor(rows / 3)), signs);
  const head = [...verdict, pieces(aboutOf(seen.status, signs), columns), []];
  // A terminal of a few lines has room for the verdict and for little else.
  const foot = rows > head.length + 2 ? [pieces(footOf(choice, now), columns)] : [];
  const room = Math.max(0, rows - head.length - foot.length);
  const body = bodyLines(seen.status, choice, columns, room, signs);
  const blank = Array.from({ length: Math.max(0, room - body.length) }, (): Line => []);
  const lines = [...head, ...body, ...blank, ...foot].slice(0, rows);
  const dimmed = seen.away ? lines.map((line, i) => (i < verdict.length ? line : dim(line))) : lines;
  return dimmed.map((line) => cutLine(line, columns, signs));
}

/** The same for a pipe: everything, as wide as it is. */
export function snapshot(status: StatusView, signs: Signs, sort: Sort = 'trouble'): Line[] {
  const wide = Number.POSITIVE_INFINITY;
  const at = span(new Date(status.service.now).toISOString(), 'dim');
  const sinks = sinkLines(sortSinks(status.sinks, sort), wide, signs);
  const sensors = sensorLines(sortSensors(status.sensors, sort), status.service.now, wide, signs);
  return [
    ...verdictLines({ status, away: undefined }, status.service.now, wide, wide, signs),
    pieces([[at], ...aboutOf(status, signs)], wide),
    [],
    ...sinks,
    [],
    ...sensors,
  ];
}

const dim = (line: Line): Line => line.map(({ text }) => span(text, 'dim'));

function verdictLines({ status, away }: Seen, now: number, columns: number, most: number, signs: Signs): Line[] {
  if (away) {
    const ago = time(Math.max(0, now - away.since));
    const text = `the service does not answer since ${timeOfDay(away.since)}, ${ago} ago: ${away.why}. Asks again each second; this is the last it told`;
    return wrap(shown(text, signs), columns, most, signs).map((line) => [span(line, 'red')]);
  }
  const { findings } = status;
  if (findings.length === 0) return [[span('all is well', 'green')]];
  const each = Math.max(1, Math.min(FINDING_LINES_MAX, Math.floor(most / findings.length)));
  const lines: Line[] = [];
  for (const [i, finding] of findings.entries()) {
    const own = wrap(shown(finding.text, signs), columns, each, signs).map((line) => [span(line, STYLES[finding.condition])]);
    const last = i === findings.length - 1;
    // What does not fit is counted, in a line of its own where there is one.
    if (lines.length > 0 && lines.length + own.length + (last ? 0 : 1) > most) {
      lines.push([span(`${signs.more} and ${findings.length - i} more findings`, STYLES[finding.condition])]);
      break;
    }
    lines.push(...own);
  }
  return lines.slice(0, most);
}

function aboutOf({ service, process, ...status }: StatusView, signs: Signs): Line[] {
  const word = (text: string): Line => [span(text)];
  return [
    [span(shown(service.host, signs), 'bold')],
    word(`up ${time(Math.max(0, service.now - service.started))}`),
    word(totals({ service, process, ...status })),
    word(`cpu ${percent(process.cpu)}`),
    word(size(process.rss)),
    word(`loop ${time(process.loopDelay)}`),
    ...(process.descriptors === undefined ? [] : [word(`${process.descriptors} files`)]),
    [span(`tidegate ${shown(service.version, signs)}`, 'dim')],
  ];
}

function footOf({ sort, view, paused, keys }: Choice, now: number): Line[] {
  const key = (name: string, text: string): Line => [span(name, 'bold'), span(` ${text}`, 'dim')];
  const clock: Line = [span(paused ? 'stands still' : timeOfDay(now), paused ? 'yellow' : 'dim')];
  if (!keys) return [clock, key('Ctrl-C', 'quits')];
  const next = view === 'both' ? 'sinks' : view === 'sinks' ? 'sensors' : 'both';
  return [
    clock,
    key('q', 'quits'),
    key('p', paused ? 'goes on' : 'pauses'),
    key('s', `sorts, now by ${sort}`),
    key('tab', `shows ${next}`),
    key('up, down', 'scroll'),
  ];
}

/** Pieces side by side, as many as fit. */
function pieces(all: readonly Line[], columns: number): Line {
  let line: Line = [];
  for (const piece of all) {
    const longer = line.length === 0 ? piece : [...line, span(GAP), ...piece];
    if (line.length > 0 && lineWidth(longer) > columns) break;
    line = longer;
  }
  return line;
}

function bodyLines(status: StatusView, { view, sort, scroll }: Choice, columns: number, room: number, signs: Signs): Line[] {
  const sinks = view === 'sensors' ? [] : sinkLines(sortSinks(status.sinks, sort), columns, signs);
  const sensors = view === 'sinks' ? [] : sensorLines(sortSensors(status.sensors, sort), status.service.now, columns, signs);
  if (view !== 'both') return window([...sinks, ...sensors], room, scroll, signs);
  // Sensors have half of it at least, where they need it.
  const own = Math.min(sinks.length, Math.max(3, room - 1 - Math.min(sensors.length, Math.floor(room / 2))));
  return [...window(sinks, own, 0, signs), [], ...window(sensors, Math.max(0, room - own - 1), scroll, signs)].slice(0, room);
}

/** The heading and the rows from `scroll` on that fit; how many more there are is said in the last line. */
function window([heading = [], ...rows]: readonly Line[], room: number, scroll: number, signs: Signs): Line[] {
  if (room <= 0) return [];
  const from = Math.max(0, Math.min(scroll, rows.length - room + 1));
  const left = rows.slice(from);
  // Where there is one line for them, one of them says more than how many there are.
  if (left.length <= room - 1 || room <= 2) return [heading, ...left].slice(0, room);
  const kept = left.slice(0, Math.max(0, room - 2));
  return [heading, ...kept, [span(`${signs.more} and ${left.length - kept.length} more`, 'dim')]].slice(0, room);
}

export const nextOf = <T>(all: readonly T[], one: T): T => all[(all.indexOf(one) + 1) % all.length] as T;
export const FIRST_CHOICE: Choice = { sort: SORTS[0], view: VIEWS[0], scroll: 0, paused: false, keys: true };
