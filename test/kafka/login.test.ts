/** Passwords and certificates against a real Kafka that asks for them. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeOwn, KafkaCluster } from '../brokers/index.ts';
import { temporaryFolder } from '../temporary.ts';
import { messages } from './messages.ts';
import { failureOf, openSink, write } from './sink-support.ts';

const folder = temporaryFolder();
const topic = 't';
/** kafkajs logs in again ten seconds before a session ends, so here after one. */
const REAUTH_MS = 11_000;

describeOwn('Kafka', 'a Kafka with users and TLS', () => {
  let kafka: KafkaCluster;
  let files: { ca: string; cert: string; key: string };
  beforeAll(async () => {
    kafka = await KafkaCluster.start({
      users: { tide: 'gate' },
      tls: 'required',
      properties: { 'connections.max.reauth.ms': REAUTH_MS },
    });
    await kafka.admin.createTopic(topic);
    files = { ca: kafka.authority?.ca as string, ...(await kafka.authority?.issue('tide')) } as typeof files;
  });
  afterAll(async () => await kafka?.close());

  const login = (sasl: object): ReturnType<typeof openSink> =>
    openSink({ brokers: kafka.saslBrokers, topic, sasl: { username: 'tide', ...sasl } });
  const over = (tls: object, options: object = {}): ReturnType<typeof openSink> =>
    openSink({ brokers: kafka.tlsBrokers, topic, tls, ...options });

  describe.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('%s', (mechanism) => {
    it('lets in who has the password', async () => {
      await write(await login({ mechanism, password: 'gate' }).connect(), messages(2));
    });

    it('keeps out who has not: misconfigured, and the password is not in the message', async () => {
      const failure = await failureOf(login({ mechanism, password: 'wr0ng-s3cret' }).connect());
      expect(failure).toMatchObject({ code: 'misconfigured' });
      expect(failure.message).toMatch(/sasl\.username and the password/);
      expect(failure.message).not.toContain('wr0ng-s3cret');
    });

    it('reads the password from a file at each connect: wrong, then right', async () => {
      const file = join(folder, `password-${mechanism}`);
      writeFileSync(file, 'wrong\n');
      const sink = login({ mechanism, password_file: file });
      expect(await failureOf(sink.connect())).toMatchObject({ code: 'misconfigured' });
      writeFileSync(file, 'gate\n');
      await write(await sink.connect(), messages(2));
    });
  });

  it('a password that is changed lets in at the next connect', async () => {
    const file = join(folder, 'turned');
    writeFileSync(file, 'gate');
    const sink = login({ mechanism: 'scram-sha-256', password_file: file });
    await write(await sink.connect(), messages(1));
    await kafka.setPassword('tide', 'turned');
    expect(await failureOf(sink.connect())).toMatchObject({ code: 'misconfigured' });
    writeFileSync(file, 'turned');
    await write(await sink.connect(), messages(1));
    await kafka.setPassword('tide', 'gate');
  });

  it('a session that ends is renewed on the same connection', async () => {
    const connection = await login({ mechanism: 'scram-sha-256', password: 'gate' }).connect();
    for (let i = 0; i < 3; i++) {
      await write(connection, messages(1));
      await sleep(1500);
    }
  });

  it('a password file that is not there is named', async () => {
    const failure = await failureOf(login({ password_file: join(folder, 'nowhere') }).connect());
    expect(failure).toMatchObject({
      code: 'misconfigured',
      message: expect.stringMatching(/sasl\.password_file: cannot be read.*nowhere/),
    });
    writeFileSync(join(folder, 'empty'), '\n');
    expect((await failureOf(login({ password_file: join(folder, 'empty') }).connect())).message).toMatch(/is empty/);
  });

  it('a network that breaks off a login is no wrong password', async () => {
    const sink = login({ mechanism: 'scram-sha-512', password: 'gate' });
    kafka.freeze();
    const failure = await failureOf(sink.connect(AbortSignal.timeout(1500))).finally(() => kafka.thaw());
    expect(failure.code).toBe('transient');
  });

  it('no login where one is wanted, and one where none is', async () => {
    const without = await failureOf(openSink({ brokers: kafka.saslBrokers, topic }).connect());
    expect(without.message).toMatch(/does its listener want tls or sasl\?$/);
    const needless = openSink({ brokers: kafka.brokers, topic, sasl: { username: 'tide', password: 'gate' } });
    expect(await failureOf(needless.connect())).toMatchObject({ code: 'misconfigured' });
  });

  it('TLS with a certificate of its own is spoken, with and without a login', async () => {
    await write(await over(files).connect(), messages(2));
    const both = openSink({ brokers: kafka.saslTlsBrokers, topic, tls: files, sasl: { username: 'tide', password: 'gate' } });
    await write(await both.connect(), messages(2));
  });

  it.each([
    ['an authority that is not known', () => ({ cert: files.cert, key: files.key })],
    ['no certificate where one is asked for', () => ({ ca: files.ca })],
    ['another name than is expected', () => ({ ...files, server_name: 'kafka.example' })],
  ])('%s is misconfigured', async (_, tls) => {
    const failure = await failureOf(over(tls()).connect());
    expect(failure).toMatchObject({ code: 'misconfigured', message: expect.stringMatching(/TLS failed: check/) });
  });

  it.each([
    ['tls.cert', { cert: 'text', key: 'key' }],
    ['tls.key', { cert: 'cert', key: 'text' }],
  ])('a file that holds something else is misconfigured, and named: %s', async (option, parts) => {
    const text = join(folder, 'text.pem');
    writeFileSync(text, 'no certificate');
    const at = (name: string): string => (name === 'text' ? text : files[name as 'cert' | 'key']);
    const failure = await failureOf(over({ ca: files.ca, cert: at(parts.cert), key: at(parts.key) }).connect());
    expect(failure).toMatchObject({ code: 'misconfigured', message: expect.stringMatching(`${option}: cannot be used`) });
  });

  it('the name in the certificate is what counts, where it is given', async () => {
    await write(await over({ ...files, server_name: 'localhost' }).connect(), messages(1));
  });

  it('files are read at each connect: wrong, then right', async () => {
    const at = (name: string): string => join(folder, `${name}.pem`);
    for (const name of ['ca', 'cert', 'key'] as const) copyFileSync(files[name], at(name));
    writeFileSync(at('ca'), '');
    const sink = over({ ca: at('ca'), cert: at('cert'), key: at('key') });
    expect(await failureOf(sink.connect())).toMatchObject({ code: 'misconfigured' });
    copyFileSync(files.ca, at('ca'));
    await write(await sink.connect(), messages(1));
  });

  it('TLS to a listener without it, and none to one with it, end at once', async () => {
    expect(await failureOf(openSink({ brokers: kafka.brokers, topic, tls: files }).connect())).toMatchObject({
      code: expect.stringMatching(/transient|misconfigured/),
    });
    const plain = await failureOf(openSink({ brokers: kafka.tlsBrokers, topic }).connect());
    expect(plain.message).toMatch(/does its listener want tls or sasl\?$/);
  });
});
