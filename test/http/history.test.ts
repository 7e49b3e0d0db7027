/** What was: rates and backlogs in steps, bounded, and what a spool had from before is no rate. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { Monitor } from '../../src/http/monitor.ts';
import { FakeClock } from '../clock.ts';
import { agentOf, brokerStatus, configOf, SPOOL, serviceOf } from './service.ts';

const ledgerOf = (published: number, delivered: number) => ({
  published,
  queued: published - delivered,
  spooled: 0,
  in_flight: 0,
  delivered,
  dead_lettered: 0,
  dropped: {},
});

async function monitored(ready = true) {
  const clock = new FakeClock();
  const { agent } = agentOf();
  agent.broker = brokerStatus({ spool: { ...SPOOL, ready } });
  const monitor = new Monitor({ ...serviceOf(await configOf(), agent).service, clock });
  onTestFinished(() => monitor.close());
  return { clock, agent, monitor };
}

describe('the history', () => {
  it('has a value a step, of each sink', async () => {
    const { clock, agent, monitor } = await monitored();
    agent.broker = brokerStatus({ ledger: ledgerOf(100, 50) });
    await clock.advance(5000);
    agent.broker = brokerStatus({ ledger: ledgerOf(100, 100) });
    await clock.advance(5000);
    const { step, sinks, end } = monitor.history();
    expect([step, end]).toEqual([5000, clock.wall()]);
    expect(sinks['broker']).toEqual({ in: [20, 0], out: [10, 10], waiting: [50, 0] });
    expect(sinks['file']).toEqual({ in: [0, 0], out: [0, 0], waiting: [0, 0] });
  });

  it('is bounded: the oldest falls out', async () => {
    const { clock, monitor } = await monitored();
    await clock.advance(400 * 5000);
    expect(monitor.history().sinks['broker']?.in).toHaveLength(360);
  });

  it('takes nothing for a rate that the spool had from before', async () => {
    const { clock, agent, monitor } = await monitored(false);
    agent.broker = brokerStatus({ ledger: ledgerOf(1_000_000, 0) });
    await clock.advance(5000);
    expect(monitor.history().sinks['broker']?.in).toEqual([0]);
    agent.broker = brokerStatus({ ledger: ledgerOf(1_000_010, 0) });
    await clock.advance(5000);
    expect(monitor.history().sinks['broker']?.in).toEqual([0, 2]);
  });

  it('ends with the service: no timer is left', async () => {
    const { clock, monitor } = await monitored();
    await clock.advance(5000);
    monitor.close();
    expect(clock.timers).toBe(0);
  });
});
