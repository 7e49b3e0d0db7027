/** What a channel says beside its value: limits, alarms, faults. */
import type { Channel } from './chips.ts';
import { isAlarm } from './readings.ts';

/** OpenTelemetry's `hw.limit_type` by hwmon's word. It has none for an emergency, which shuts the machine down. */
const LIMIT_TYPES: Readonly<Record<string, string>> = {
  lcrit: 'low.critical',
  min: 'low.degraded',
  max: 'high.degraded',
  crit: 'high.critical',
  emergency: 'high.emergency',
  cap: 'throttled',
};

export interface Limit {
  readonly type: string;
  readonly limit: number | undefined;
  /** 1 while it is passed, 0 while not; undefined where the chip does not watch it. */
  readonly alarm: number | undefined;
}

/** The limits that a channel has, in units: `divisor` is how many of the kernel's make one. */
export function limitsOf({ more }: Channel, divisor: number, isPossible: (limit: number) => boolean = () => true): Limit[] {
  const limits: Limit[] = [];
  for (const [word, type] of Object.entries(LIMIT_TYPES)) {
    const raw = more.get(word)?.value;
    const scaled = raw === undefined ? undefined : raw / divisor;
    const limit = scaled !== undefined && isPossible(scaled) ? scaled : undefined;
    const alarm = more.get(`${word}_alarm`)?.value;
    if (limit !== undefined || alarm !== undefined) limits.push({ type, limit, alarm });
  }
  return limits;
}

export const STATES = ['ok', 'degraded', 'failed'] as const;
export type State = (typeof STATES)[number];

/** Failed: the chip says that the sensor or fan does not work. Degraded: a limit is passed. Undefined where it says neither. */
export function stateOf({ more }: Channel): State | undefined {
  let state: State | undefined;
  for (const [word, { value }] of more) {
    if (!isAlarm(word) || value === undefined) continue;
    if (value === 0) state ??= 'ok';
    else if (word === 'fault') return 'failed';
    else state = 'degraded';
  }
  return state;
}
