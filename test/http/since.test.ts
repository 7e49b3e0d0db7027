/** When trouble began is known of trouble that nobody asked about while it did; and what nothing keeps back is said to be sent. */
import { expect, onTestFinished, test } from 'vitest';
import type { AgentStatus } from '../../src/agent-status.ts';
import { SinkError, Unavailable } from '../../src/errors.ts';
import { Monitor } from '../../src/http/monitor.ts';
import { statusOf } from '../../src/http/status.ts';
import { setup } from '../agent-setup.ts';
import { Bench, settingsOf } from '../delivery/parts.ts';
import { PROCESS } from '../telemetry/scene.ts';
import { agentOf, configOf, serviceOf } from './service.ts';

const [SECOND_MS, HOUR_MS] = [1000, 3_600_000];

/** What a service with these parts tells when it is asked for the first time; it remembers nothing from before. */
async function firstAsked(status: () => AgentStatus, clock: Bench['clock']) {
  const agent = { ...agentOf().agent, status, process: () => PROCESS };
  const { service } = serviceOf(await configOf(), agent);
  const late = { ...service, clock };
  const monitor = new Monitor(late);
  onTestFinished(() => monitor.close());
  const { findings, sinks } = statusOf(late, monitor, false);
  return { since: Object.fromEntries(findings.map(({ subject, since }) => [subject, since])), findings, sinks };
}

test('sensors that fail or are not there, asked about an hour later', async () => {
  const { agent, clock, sensor, sink, apply } = setup();
  const began = clock.wall();
  let broken = false;
  sensor.open = () => {
    if (sensor.opened.at(-1) === 'missing') throw new Unavailable('there is no such device');
    return { sample: () => sensor.sample() };
  };
  const sample = sensor.sample;
  sensor.sample = () => {
    if (broken) throw new Error('it does not answer');
    return sample();
  };
  await apply([sensor.entry('load'), sensor.entry('gpu', { options: 'missing' })], [sink.entry('file')]);
  await clock.advance(10_500);
  broken = true;
  await clock.advance(HOUR_MS);
  const { since } = await firstAsked(() => agent.status(), clock);
  expect(since['sensor gpu']).toBe(began);
  expect(since['sensor load']).toBe(began + 11 * SECOND_MS);
  await clock.until(agent.stop(1000));
});

test('a sink that writes directly, and what it lost', async () => {
  const { agent, clock, sensor, sink, apply } = setup();
  await apply([sensor.entry('load')], [sink.entry('file')]);
  await clock.advance(10_500);
  const began = clock.wall();
  sink.write = async () => {
    throw new SinkError('transient', 'no space left on device');
  };
  await clock.advance(HOUR_MS);
  const { findings } = await firstAsked(() => agent.status(), clock);
  const [lost, failing] = findings;
  expect(lost?.text).toContain('because the queue was full');
  expect(clock.wall() - (lost?.since ?? 0)).toBeLessThan(SECOND_MS);
  expect(failing?.text).toContain('no space left on device');
  expect((failing?.since ?? 0) - began).toBeLessThanOrEqual(SECOND_MS);
  // It is asked about anew when nothing was dropped for a while. Until the sink was tried again more may have been.
  sink.write = async () => {};
  await clock.advance(30 * 60_000);
  const { findings: later } = await firstAsked(() => agent.status(), clock);
  expect(later).toMatchObject([{ condition: 'degraded' }]);
  expect((later[0]?.since ?? 0) - (lost?.since ?? 0)).toBeLessThanOrEqual(60 * SECOND_MS);
  await clock.until(agent.stop(1000));
});

/** A broker's sink, as the status of a service that has nothing else. */
const alone = (bench: Bench) => (): AgentStatus => ({
  run: 'run',
  sensors: [],
  sinks: [{ name: 'broker', ...bench.delivery.status() }],
});

test('a sink that an operator paused', async () => {
  const bench = new Bench(settingsOf());
  const { clock, delivery } = bench;
  await clock.advance(5000);
  const began = clock.wall();
  delivery.pause();
  await clock.advance(HOUR_MS);
  delivery.pause();
  const { findings } = await firstAsked(alone(bench), clock);
  expect(findings).toMatchObject([{ since: began, text: expect.stringContaining('is paused by an operator') }]);
  await clock.until(delivery.stop(100));
});

test('a broker that asks to wait', async () => {
  const bench = new Bench(settingsOf());
  const { clock, delivery, broker } = bench;
  bench.publish(1);
  await clock.advance(1000);
  const began = clock.wall();
  broker.contexts[0]?.blocked('low on memory');
  await clock.advance(HOUR_MS);
  broker.contexts[0]?.blocked('low on disk');
  const { findings } = await firstAsked(alone(bench), clock);
  expect(findings).toMatchObject([{ since: began, text: expect.stringContaining('asks to wait') }]);
  await clock.until(delivery.stop(100));
});

test('a backlog is being sent only while nothing keeps it back, and has been since that', async () => {
  const bench = new Bench(settingsOf({ drain: { rate: 10 }, breaker: { failures: 2, after: '1s', probe_max: '10s' } }));
  const { clock, delivery, broker } = bench;
  const drain = () => delivery.status().drain;
  bench.publish(1);
  await clock.advance(1000);
  const away = clock.wall();
  broker.answer = () => {
    throw new SinkError('transient', 'down');
  };
  bench.publish(500);
  await clock.advance(60_000);
  expect(delivery.status()).toMatchObject({ health: { breaker: 'open' }, spool: { events: 500 } });
  expect(drain()).toMatchObject({ active: false, since: undefined, secondsLeft: undefined });
  const { findings } = await firstAsked(alone(bench), clock);
  expect(findings.map(({ text }) => text)).toEqual([expect.stringContaining('is away since')]);
  expect(findings[0]?.since).toBeGreaterThanOrEqual(away);
  expect(findings[0]?.since).toBeLessThan(away + SECOND_MS);

  broker.answer = () => {};
  while (!drain().active) await clock.advance(100);
  const back = clock.wall();
  await clock.advance(20_000);
  const sent = await firstAsked(alone(bench), clock);
  expect(sent.findings).toMatchObject([
    { text: expect.stringMatching(/are being sent to broker, until empty in \d+ s at 10\/s/) },
  ]);
  expect(sent.findings[0]?.since).toBeGreaterThan(back - 200);
  expect(sent.findings[0]?.since).toBeLessThanOrEqual(back);

  delivery.pause();
  expect(drain()).toMatchObject({ active: false, since: undefined, secondsLeft: undefined });
  await clock.advance(20_000);
  const resumed = clock.wall();
  delivery.resume();
  expect(drain()).toMatchObject({ active: true, since: resumed });
  await clock.until(delivery.stop(100));
  expect(drain().active).toBe(false);
});

test('how long events took is told of the last minutes', async () => {
  const bench = new Bench(settingsOf());
  const { clock, delivery } = bench;
  const agent = { ...agentOf().agent, status: alone(bench), process: () => PROCESS };
  const { service } = serviceOf(await configOf(), agent);
  const late = { ...service, clock };
  const monitor = new Monitor(late);
  onTestFinished(() => monitor.close());
  const latency = () => statusOf(late, monitor, false).sinks[0]?.latency;
  expect(latency()).toBeUndefined();
  bench.publish(98, { time: clock.wall() - 2 });
  bench.publish(2, { time: clock.wall() - 8000 });
  await clock.advance(1000);
  const told = latency();
  expect(told?.p50).toBeLessThan(100);
  expect(told?.p99).toBeGreaterThan(5000);
  expect(told?.p99).toBeLessThanOrEqual(10_000);
  await clock.advance(2 * 60_000);
  bench.publish(1, { time: clock.wall() - 40_000 });
  await clock.advance(3 * 60_000);
  // The hundred of before are out of sight, the one is not.
  expect(latency()?.p50).toBeGreaterThan(30_000);
  await clock.advance(6 * 60_000);
  expect(latency()).toBeUndefined();
  await clock.until(delivery.stop(100));
});
