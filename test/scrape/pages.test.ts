/** Pages too large for the buffers that are used again, and pages that say the same in another way. */
import { expect, test } from 'vitest';
import { type Scrape, scrape, serve, staleOf, TEXT, targetAt } from './support.ts';

test('a large page is read right however it grows, shrinks and fails between', async () => {
  let [rows, round, broken] = [0, 0, false];
  const { origin } = await serve((_request, response) => {
    const lines = Array.from({ length: rows }, (_, i) => `series_with_a_long_name{number="${i}"} ${i + round / 8}\n`);
    response.writeHead(200, TEXT);
    if (!broken) return void response.end(lines.join(''));
    // Cut off when most of it has been sent.
    response.write(lines.slice(0, -5).join(''), () => response.destroy());
  });
  const target = await targetAt(origin);
  const seen: { scraped: Scrape; rows: number; round: number }[] = [];
  // From less than the buffers that are used again have to several times as much.
  for (const [next, fails] of [
    [10, 0],
    [30_000, 0],
    [30_500, 1],
    [60_000, 0],
    [100, 0],
    [60_000, 1],
    [60_500, 0],
  ] as const) {
    [rows, broken, round] = [next, fails === 1, round + 1];
    const scraped = await scrape(target);
    expect(scraped.report['up']).toBe(fails === 1 ? 0 : 1);
    if (fails === 0) seen.push({ scraped, rows, round });
  }
  for (const { scraped, rows, round } of seen) {
    expect(Object.keys(scraped.values)).toHaveLength(rows);
    for (const i of [0, 7, rows - 1]) expect(scraped.values[`series_with_a_long_name{number="${i}"}`]).toBe(i + round / 8);
  }
});

test('a series whose labels come in another order, or whose bound is written differently, is the same and not stale', async () => {
  let text =
    '# TYPE h histogram\nh_bucket{a="1",le="1"} 1\nh_bucket{a="1",le="+Inf"} 1\nh_sum{a="1"} 1\nh_count{a="1"} 1\nx{a="1",b="2"} 1\ny{a="1"} 1\n';
  const { origin } = await serve((_request, response) => void response.writeHead(200, TEXT).end(text));
  const target = await targetAt(origin);
  await scrape(target);
  text = text.replace('x{a="1",b="2"}', 'x{b="2",a="1"}').replace('le="1"', 'le="1.0"').replace('y{a="1"}', 'y{a="2"}');
  const second = await scrape(target);
  expect(staleOf(second)).toEqual(['y{a="1"}']);
  expect(second.values['x{a="1",b="2"}'] ?? second.values['x{b="2",a="1"}']).toBe(1);
});
