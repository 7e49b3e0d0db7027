/** Reading pages: the first scrape, later ones, beside the floor of splitting lines and reading the last field of each. One thread, CPU bound. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PageReader } from '../src/exposition/reader.ts';
import { PADDING } from '../src/exposition/series.ts';
import { type Figure, median } from './measure.ts';
import { pageParts, writePage } from './page.ts';

const SAMPLES = 100_000;
const ROUNDS = 15;

/** Samples a second of this thread's CPU, in millions. */
function rate(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return SAMPLES / Math.max(1, user + system);
}

function floor(text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length; ) {
    let end = text.indexOf('\n', at);
    if (end < 0) end = text.length;
    if (text.charCodeAt(at) !== 35) sum += Number(text.slice(text.lastIndexOf(' ', end - 1) + 1, end)) || 0;
    at = end + 1;
  }
  return sum;
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** Bytes on the heap that a later scrape leaves behind, for each sample; the table's numbers, which are off the heap, are not in it. */
function garbage(scrape: () => void): number {
  const gc = collector();
  for (let i = 0; i < 5; i++) scrape();
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 10; i++) scrape();
  return Math.max(0, process.memoryUsage().heapUsed - before) / (10 * SAMPLES);
}

export function exposition(): Figure[] {
  const figures: Figure[] = [];
  for (const openMetrics of [false, true]) {
    const parts = pageParts({ samples: SAMPLES, openMetrics });
    const bodies = [1, 2, 3].map((seed) => {
      const bytes = writePage(parts, seed);
      return { buffer: Buffer.concat([bytes, Buffer.alloc(PADDING)]), length: bytes.length };
    });
    const text = bodies[0]?.buffer.toString('latin1') as string;
    const reader = new PageReader();
    let sink = 0;
    const read = (i: number, before: Parameters<PageReader['read']>[2]) => {
      const { buffer, length } = bodies[i % bodies.length] as (typeof bodies)[number];
      const reading = reader.read(buffer, length, before, { openMetrics });
      sink += reading.values[0] as number;
      return reading;
    };
    const [floors, firsts, laters]: [number[], number[], number[]] = [[], [], []];
    const { page } = read(0, []);
    for (let round = 0; round < ROUNDS; round++) {
      floors.push(rate(() => (sink += floor(text))));
      firsts.push(rate(() => void read(round, [])));
      laters.push(rate(() => void read(round, [page])));
    }
    const what = openMetrics ? 'OpenMetrics' : 'text';
    const mb = ((bodies[0]?.length as number) / 1e6).toFixed(1);
    figures.push(
      {
        what: `${what}, ${SAMPLES / 1000}k samples of ${mb} MB: the floor, lines split and their last field read`,
        value: median(floors),
        unit: 'M samples/s',
      },
      { what: '— a later scrape, bytes to table', value: median(laters), unit: 'M samples/s', atLeast: 5 },
      { what: '— times the floor', value: median(laters.map((later, i) => later / (floors[i] as number))), unit: '×' },
      { what: '— the first scrape, labels built', value: median(firsts), unit: 'M samples/s', atLeast: 1.2 },
      { what: '— times the floor', value: median(firsts.map((first, i) => first / (floors[i] as number))), unit: '×' },
      { what: '— garbage of a later scrape, a sample', value: garbage(() => void read(1, [page])), unit: 'B', atMost: 1 },
    );
    if (!Number.isFinite(sink) && !Number.isNaN(sink)) throw new Error('the pages cannot be read');
  }
  return figures;
}
