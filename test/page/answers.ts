/** What a service may answer beside its status: what was, events, dead letters, its configuration. */
import type { HistoryView } from '../../src/http/view.ts';
import { NOW, STATES, type StateName } from './states.ts';

const [SECOND, HOUR] = [1000, 3_600_000];

/** Half an hour that leads to what a state has waiting now. */
export function historyOf(state: StateName): HistoryView {
  const [step, length] = [10 * SECOND, 180];
  const at = <T>(make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i));
  const flow = at((i) => 34 + 3 * Math.sin(i / 9));
  const sinks = STATES[state].sinks.map(({ name, rates, ledger }) => {
    const now = ledger.queued + ledger.spooled;
    // What is full stays so.
    const gain = state === 'full' || now === 0 ? 0 : ((rates.in - rates.out) * step) / SECOND;
    const out = Math.abs(rates.in - rates.out) < 1 ? flow : at(() => rates.out);
    return [name, { in: flow, out, waiting: at((i) => Math.max(0, Math.round(now - gain * (length - 1 - i)))) }];
  });
  return { step, end: NOW, sinks: Object.fromEntries(sinks) as HistoryView['sinks'] };
}

const number = (unit: string, kind: string, values: (number | null)[]) => ({ unit, kind, values });
let counter = 0;
/** How many rounds of events lie before the start of a test, a second each. */
const EVENTS_BACK = 100;

/** Events as a service writes them: one of the processor, one of the disks. */
export function eventsOf(i: number): object[] {
  const base = { v: 1, time: NOW + 1000 * (i - EVENTS_BACK), host: 'edge-7', labels: { env: 'prod' } };
  const id = (name: string): string => `edge-7/mwtyynzse0deda/${name}/${++counter}`;
  return [
    {
      ...base,
      id: id('cpu'),
      type: 'system.cpu',
      sensor: 'cpu',
      rows: 2,
      attributes: { 'cpu.mode': ['user', 'system'] },
      fields: {
        utilization: number('1', 'gauge', [0.2 + 0.1 * Math.sin(i / 3), 0.05]),
        time: number('s', 'counter', [100 + i, 40 + i / 2]),
      },
    },
    {
      ...base,
      id: id('disk'),
      type: 'system.disk',
      sensor: 'disk',
      rows: 3,
      attributes: { 'system.device': ['sda', 'sda', 'nvme0n1'], 'disk.io.direction': ['read', 'write', 'read'] },
      fields: { io: number('By', 'counter', [81_920 * i, 40_960 * i * i, null]) },
    },
    {
      ...base,
      id: id('memory'),
      type: 'system.memory',
      sensor: 'memory',
      rows: 1,
      attributes: {},
      fields: { usage: number('By', 'updowncounter', [3.2e9 + 1e7 * i]), available: number('By', 'gauge', [5.1e9]) },
    },
  ];
}

export const DEAD_LETTERS = [1, 2, 3].map((n) => ({
  seq: `mwtyynzse0deda/1/${n}`,
  lane: 1,
  id: `edge-7/mwtyynzse0deda/node/${n}`,
  type: 'prometheus.page',
  time: NOW - 2 * HOUR,
  agent: 'edge-7',
  host: 'edge-7',
  sensor: 'node',
  bytes: 1_130_000,
  encoding: 'json',
  number: n,
  reason: 'MESSAGE_TOO_LARGE: 1,130,000 bytes, the broker takes 1,048,588',
  rejected: NOW - 2 * HOUR,
}));

export const YAML = 'interval: 10s\nsensors:\n  cpu: {}\nsinks:\n  broker:\n    type: kafka\n    password: "***"\n';
