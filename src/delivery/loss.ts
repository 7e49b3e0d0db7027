/**
 * What a sink did not deliver, told to the far end: an event of type `tidegate.loss` in the same lane, outside the numbering.
 *
 * A row is a range of numbers of one run and lane. `events` of the numbers from `first` to `last` are lost, for one reason. After an unclean
 * stop nobody knows how many there were: `last` and `events` are absent then, and the row speaks of numbers from `first` on that are among
 * the last `window` before the highest that has arrived, or above it; without a `window`, of all numbers from `first` on.
 */
import { defineSchema, gauge } from '../event.ts';

export const LOSS_TYPE = 'tidegate.loss';

export const loss = defineSchema({
  type: LOSS_TYPE,
  doc: 'Numbers of a lane that a sink will not deliver.',
  attributes: ['tidegate.run', 'tidegate.lane', 'tidegate.reason'],
  fields: {
    first: gauge('1', 'The first number of the range.'),
    last: gauge('1', 'The last number of the range; absent after an unclean stop.'),
    events: gauge('{event}', 'How many of these numbers are lost; absent after an unclean stop.'),
    window: gauge('{event}', 'After an unclean stop: the most that were being sent at once; absent where there is no order.'),
  },
});
