/** Targets that answer wrongly, or not at all: each has a clear reason in its event, its series go stale, and the next scrape is as good as any. */
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { page, scrape, serve, staleOf, TEXT, targetAt } from './support.ts';

const GOOD = '# TYPE a counter\na{b="c"} 1\nd 2\n';

/** A server that answers well, and wrongly when asked to. */
async function turning(wrong: Parameters<typeof serve>[0], options: object = {}) {
  let bad = false;
  const { origin } = await serve((request, response) => (bad ? wrong : page(GOOD))(request, response));
  const target = await targetAt(`${origin}/metrics`, options);
  return { target, turn: (to: boolean) => void (bad = to) };
}

/** Sampled well, then wrongly, then well again. */
async function expectReason(reason: RegExp, wrong: Parameters<typeof serve>[0], options: object = {}, timeout = 5000) {
  const { target, turn } = await turning(wrong, options);
  expect((await scrape(target)).values).toEqual({ 'a{b="c"}': 1, d: 2 });
  turn(true);
  const failed = await scrape(target, timeout);
  expect(failed.report).toMatchObject({ up: 0, reason: expect.stringMatching(reason) });
  expect(failed.values).toEqual({});
  expect(target.problem).toBe(failed.report['reason']);
  expect(staleOf(failed)).toEqual(['a{b="c"}', 'd']);
  // What is stale is told once, and the reason stays the same words.
  const again = await scrape(target, timeout);
  expect(staleOf(again)).toEqual([]);
  expect(again.report['reason']).toBe(failed.report['reason']);
  turn(false);
  const good = await scrape(target);
  expect(good.report).toMatchObject({ up: 1, reason: '', scrape_series_added: 2 });
  expect(good.values).toEqual({ 'a{b="c"}': 1, d: 2 });
  expect(target.problem).toBeUndefined();
  return failed;
}

const LINE = Buffer.from('a_long_name_of_a_metric{label="value"} 1\n');

describe('a target that', () => {
  test('cannot be reached', async () => {
    const { origin, server } = await serve(page(GOOD));
    const target = await targetAt(`${origin}/metrics`);
    await scrape(target);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const failed = await scrape(target);
    expect(failed.report).toMatchObject({ up: 0, scrape_samples_scraped: 0, scrape_body_size_bytes: 0 });
    expect(failed.report['reason']).toMatch(/cannot be reached: .*ECONNREFUSED|connection ended/);
    expect((await scrape(target)).report['reason']).toMatch(/cannot be reached: connect ECONNREFUSED 127/);
    expect(staleOf(failed)).toEqual(['a{b="c"}', 'd']);
  });

  test('drips slowly', async () => {
    await expectReason(
      /took longer than the timeout, 300ms/,
      (_request, response) => {
        response.writeHead(200, TEXT);
        const timer = setInterval(() => response.write('a'), 20);
        response.on('close', () => clearInterval(timer));
      },
      {},
      300,
    );
  });

  test('never answers', async () => {
    await expectReason(/took longer than the timeout, 200ms/, () => {}, {}, 200);
  });

  test('sends without end', async () => {
    const failed = await expectReason(
      /larger than body_size_limit, 65536 bytes/,
      (_request, response) => {
        response.writeHead(200, TEXT);
        const write = (): void => {
          while (!response.destroyed && response.write(LINE));
        };
        response.on('drain', write);
        write();
      },
      { body_size_limit: '64KiB' },
    );
    expect(failed.report['scrape_body_size_bytes']).toBe(-1);
  });

  test('says that it sends too much', async () => {
    await expectReason(
      /larger than body_size_limit, 1024 bytes: it has 100000/,
      (_request, response) => void response.writeHead(200, { ...TEXT, 'content-length': '100000' }).write('a 1\n'),
      { body_size_limit: '1KiB' },
    );
  });

  test('sends a body of just the limit, which is too large as in Prometheus', async () => {
    const { origin } = await serve(page('abc 1\n'));
    expect((await scrape(await targetAt(origin, { body_size_limit: 7 }))).report['up']).toBe(1);
    expect((await scrape(await targetAt(origin, { body_size_limit: 6 }))).report['up']).toBe(0);
  });

  test.each([
    ['text/html', /content type is "text\/html", which is no exposition format; set fallback_protocol/],
    ['application/json', /content type is "application\/json"/],
    ['', /no content type/],
    ['application/vnd.google.protobuf', /protobuf, which the option protobuf does not allow/],
  ])('has the content type %j', async (type, reason) => {
    await expectReason(
      reason,
      (_request, response) => void response.writeHead(200, type === '' ? {} : { 'content-type': type }).end(GOOD),
    );
  });

  test.each([204, 206, 404, 500, 503])('answers with status %d', async (status) => {
    await expectReason(
      new RegExp(`status ${status}, and only 200`),
      (_request, response) => void response.writeHead(status, TEXT).end(),
    );
  });

  test('sends gzip that is cut off', async () => {
    const whole = gzipSync(Buffer.concat(Array.from({ length: 1000 }, () => LINE)));
    await expectReason(/gzip body is cut off/, (_request, response) => {
      response.writeHead(200, { ...TEXT, 'content-encoding': 'gzip' }).end(whole.subarray(0, whole.length - 20));
    });
  });

  test('sends what is no gzip', async () => {
    await expectReason(/gzip body cannot be read/, (_request, response) => {
      response.writeHead(200, { ...TEXT, 'content-encoding': 'gzip' }).end(GOOD);
    });
  });

  test('sends a compression that was not asked for', async () => {
    await expectReason(/compressed with "br"/, (_request, response) => {
      response.writeHead(200, { ...TEXT, 'content-encoding': 'br' }).end(GOOD);
    });
  });

  test('sends a gzip bomb, which is not unpacked beyond the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 2 ** 20, '# zeros\n'));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 1);
    await expectReason(
      /larger than body_size_limit, 1048576 bytes/,
      (_request, response) => void response.writeHead(200, { ...TEXT, 'content-encoding': 'gzip' }).end(bomb),
      { body_size_limit: '1MiB' },
    );
    clearInterval(watch);
    expect(most - before).toBeLessThan(64 * 2 ** 20);
  });

  test('sends bytes that are not UTF-8', async () => {
    await expectReason(/line 2: .*not valid UTF-8/, page(Buffer.from('ok 1\na{b="\xff"} 1\n', 'latin1')));
  });

  test('sends a line that is wrong behind good ones, and none of them is taken', async () => {
    const failed = await expectReason(/line 3: expected a blank and a value/, page('good 1\nbetter 2\nbad\n'));
    expect(failed.report['scrape_samples_scraped']).toBe(2);
  });

  test('speaks no HTTP', async () => {
    const server = createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    afterAll(() => server.close());
    const { port } = server.address() as AddressInfo;
    expect((await scrape(await targetAt(`127.0.0.1:${port}`))).report).toMatchObject({
      up: 0,
      reason: expect.stringMatching(/does not match the HTTP/),
    });
  });

  test('ends in the middle of its body', async () => {
    await expectReason(/connection ended before the answer did/, (request, response) => {
      response.writeHead(200, { ...TEXT, 'content-length': '1000' }).write('a 1\n', () => request.socket.destroy());
    });
  });

  test('redirects for ever', async () => {
    await expectReason(
      /more than 10 redirects/,
      (_request, response) => void response.writeHead(302, { location: '/again' }).end(),
    );
  });
});

describe('a page that is taken, with a remark', () => {
  test('has a series twice: the first is taken, both are counted', async () => {
    const { origin } = await serve(page('a{x="1",y="2"} 1\na{y="2",x="1"} 2\nb 3\n'));
    const target = await targetAt(origin);
    const { values, report } = await scrape(target);
    expect(values).toEqual({ 'a{x="1",y="2"}': 1, b: 3 });
    expect(report).toMatchObject({ up: 1, scrape_samples_scraped: 3, scrape_samples_post_metric_relabeling: 3 });
    expect(target.problem).toMatch(/1 samples of series that it has already/);
  });

  test.each([
    ['ahead of', 86_400_000],
    ['behind', -86_400_000],
  ])('comes from a clock far %s ours', async (where, ms) => {
    const { origin } = await serve((_request, response) => {
      response.sendDate = false;
      const time = Date.now() + ms;
      response.writeHead(200, { ...TEXT, date: new Date(time).toUTCString() }).end(`a 1 ${time}\n`);
    });
    const target = await targetAt(origin);
    const { report, values } = await scrape(target);
    expect(report['up']).toBe(1);
    expect(values).toEqual({ a: 1 });
    expect(target.problem).toBe(`its clock is more than 10 minutes ${where} ours`);
    expect((await scrape(target)).report['reason']).toBe(target.problem);
  });
});
