/** In which order sinks and sensors are shown. */
import type { SensorView, SinkView } from '../../http/view.ts';
import { troubled } from './sensors.ts';
import { waiting } from './sinks.ts';

/** `trouble`: the worst first; `busy`: rates, durations; `behind`: what waits, what failed. */
export const SORTS = ['trouble', 'name', 'busy', 'behind'] as const;
export type Sort = (typeof SORTS)[number];

const CONDITIONS = { failing: 2, degraded: 1, well: 0 } as const;
const STATES = { unavailable: 1, opening: 2, closed: 0, sampling: 0 } as const;

/** Higher numbers come first. */
const SINKS: Readonly<Record<Exclude<Sort, 'name'>, (sink: SinkView) => number>> = {
  trouble: ({ condition }) => CONDITIONS[condition],
  busy: ({ rates }) => rates.in + rates.out,
  behind: waiting,
};
const SENSORS: Readonly<Record<Exclude<Sort, 'name'>, (sensor: SensorView) => number>> = {
  // One that failed just now is more pressing than one whose source was never here.
  trouble: (sensor) => (sensor.state === 'sampling' && troubled(sensor) ? 3 : STATES[sensor.state]),
  busy: ({ duration }) => duration,
  behind: ({ failures }) => failures,
};

export const sortSinks = (sinks: readonly SinkView[], sort: Sort): SinkView[] => sorted(sinks, sort, SINKS);
export const sortSensors = (sensors: readonly SensorView[], sort: Sort): SensorView[] => sorted(sensors, sort, SENSORS);

/** Those that are equal stay in the order of the configuration. */
function sorted<T extends { readonly name: string }>(
  rows: readonly T[],
  sort: Sort,
  by: Readonly<Record<Exclude<Sort, 'name'>, (row: T) => number>>,
): T[] {
  if (sort === 'name') return rows.toSorted((a, b) => a.name.localeCompare(b.name));
  const rank = by[sort];
  return rows.toSorted((a, b) => rank(b) - rank(a));
}
