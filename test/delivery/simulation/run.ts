import { simulate } from './simulate.ts';
const from = Number(process.argv[2] ?? 1), count = Number(process.argv[3] ?? 1), verbose = process.argv[4] === '-v';
const t = process.cpuUsage(); const w = Date.now(); let bad = 0;
for (let seed = from; seed < from + count; seed++) {
  try { await simulate(seed, verbose ? (l: string) => console.log(l) : undefined); } catch (e) { bad++; console.log(seed, verbose ? e : (e as Error).message.slice(0, 300)); if (bad > 15) break; }
}
console.log('done', count, 'bad', bad, 'ms per seed', (Date.now() - w) / count, process.cpuUsage(t).user / 1000 / count);
