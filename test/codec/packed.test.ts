/** What is packed is what it was when copied out, and is smaller where much comes again. */
import { describe, expect, test } from 'vitest';
import { Packer, unpack } from '../../src/codec/packed.ts';

/** Packs texts, and copies them out behind what stands before. */
function packed(texts: readonly string[], known: (text: string) => boolean = () => true) {
  let encoded = 0;
  const packer = new Packer<string>((text) => {
    encoded++;
    return Buffer.from(text);
  });
  for (const text of texts) {
    if (known(text)) packer.addKnown(text);
    else packer.add(Buffer.from(text));
  }
  const all = packer.build();
  const target = Buffer.alloc(all.length + 4, '.');
  const end = unpack(all, target, 2);
  return { ...all, encoded, end, text: target.toString() };
}

const LONG = 'a text that is longer than what a loop copies, ';

describe('packed bytes', () => {
  test.each([
    ['nothing', []],
    ['one text', ['a']],
    ['one many times', Array.from({ length: 1000 }, () => 'ab')],
    ['a long one three times', [LONG, LONG, LONG]],
    ['some in the same order again', 'abcdefabcdefabc'.split('')],
    ['some in another order', 'abcdeffedcbaadbecf'.split('')],
    ['runs of some', 'aaabbbcccaaabbbccca'.split('')],
    ['an empty one', ['', 'a', '', '', 'a']],
    ['buckets with their sums', Array.from({ length: 50 }, (_, i) => [`b${i}`, `c${i}`, `s${i}`, `s${i}`]).flat()],
    ['texts of all lengths', Array.from({ length: 300 }, (_, i) => `${LONG.repeat(3)}`.slice(0, i % 100))],
  ])('are what they were: %s', (_, texts) => {
    for (const known of [() => true, () => false, (text: string) => text.length % 2 === 0]) {
      const { text, length, end } = packed(texts, known);
      expect(text).toBe(`..${texts.join('')}..`);
      expect(length).toBe(texts.join('').length);
      expect(end).toBe(length + 2);
    }
  });

  test('hold once what comes again', () => {
    const labels = Array.from({ length: 100 }, (_, i) => `${LONG}${i}`);
    const texts = [...labels, ...labels, ...labels.slice(0, 40), ...Array.from({ length: 500 }, () => labels[7] as string)];
    const { bytes, ranges, encoded } = packed(texts);
    expect(bytes.toString()).toBe(labels.join(''));
    expect(encoded).toBe(100);
    expect(ranges.length / 3).toBe(4);
  });
});
