/** Sensors as rows: how long their samples take, and what fails. */
import type { SensorView } from '../../http/view.ts';
import { amount, time } from '../../words.ts';
import { type Line, type Span, type Style, span } from '../live/line.ts';
import { type Signs, shown } from '../live/text.ts';
import { type TopColumn, topTable } from './table.ts';

/** A sample that takes this share of its interval is close to not fitting. */
const LONG = 0.8;
const NONE = span('-', 'dim');

const late = ({ overruns, timeouts, missed }: SensorView): number => overruns + timeouts + missed;
/** Whether it has nothing, or not everything, to tell now. */
export const troubled = ({ state, failuresInARow, targets }: SensorView): boolean =>
  state === 'unavailable' || failuresInARow > 0 || (targets?.failing ?? 0) > 0;

/** A heading and a line for each sensor; `now` is the service's moment, in milliseconds since 1970. */
export function sensorLines(sensors: readonly SensorView[], now: number, width: number, signs: Signs): Line[] {
  const rest = {
    head: 'type, or what is wrong',
    weight: sensors.some(troubled) ? 84 : 20,
    cell: (sensor: SensorView) => wrongWith(sensor, signs),
  };
  return topTable({ columns: columnsOf(sensors, now, signs), rest }, sensors, width, signs);
}

function columnsOf(sensors: readonly SensorView[], now: number, signs: Signs): TopColumn<SensorView>[] {
  const right = (head: string, weight: number, cell: (sensor: SensorView) => Span): TopColumn<SensorView> => ({
    head,
    align: 'right',
    weight,
    cell,
  });
  const columns: TopColumn<SensorView>[] = [
    { head: 'sensor', align: 'left', weight: 0, cell: ({ name }) => span(shown(name, signs), 'bold') },
    { head: 'state', align: 'left', weight: 100, cell: stateOf },
    right('every', 60, ({ interval }) => span(time(interval))),
    right('took', 90, tookOf),
    right('samples', 50, ({ samples }) => count(samples, 'plain')),
    right('failed', 85, ({ failures, failuresInARow }) => count(failures, failuresInARow > 0 ? 'red' : 'yellow')),
    right('in a row', sensors.some(({ failuresInARow }) => failuresInARow > 0) ? 80 : 30, ({ failuresInARow }) =>
      count(failuresInARow, 'red'),
    ),
    right('late', sensors.some((sensor) => late(sensor) > 0) ? 75 : 40, (sensor) => count(late(sensor), 'yellow')),
    right('last', 65, ({ lastSuccess }) => (lastSuccess === undefined ? NONE : span(time(Math.max(0, now - lastSuccess))))),
  ];
  if (sensors.some(({ targets }) => targets !== undefined)) columns.push(right('targets', 82, targetsOf));
  return columns;
}

const count = (events: number, style: Style): Span => (events === 0 ? span('0', 'dim') : span(amount(events), style));

function stateOf({ state, failuresInARow }: SensorView): Span {
  if (state === 'unavailable') return span('not here', 'yellow');
  return span(state, failuresInARow > 0 ? 'red' : state === 'sampling' ? 'plain' : 'dim');
}

function tookOf({ samples, duration, interval }: SensorView): Span {
  if (samples === 0) return NONE;
  return span(time(duration), duration >= LONG * interval ? 'yellow' : 'plain');
}

/** Those that answer, of all. */
function targetsOf({ targets }: SensorView): Span {
  if (!targets) return NONE;
  return span(`${targets.total - targets.failing}/${targets.total}`, targets.failing > 0 ? 'red' : 'plain');
}

function wrongWith(sensor: SensorView, signs: Signs): Span {
  const { why, lastError, failuresInARow, targets, type, state } = sensor;
  const [problem] = targets?.problems ?? [];
  const wrong = state === 'unavailable' ? why : failuresInARow > 0 ? lastError : problem && `${problem.name}: ${problem.problem}`;
  return wrong === undefined
    ? span(shown(type, signs), 'dim')
    : span(shown(wrong, signs), state === 'unavailable' ? 'yellow' : 'red');
}
