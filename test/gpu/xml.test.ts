/** The XML of nvidia-smi: what is read, what is passed over, and what is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseXml, textOf } from '../../src/gpu/xml.ts';

describe('a document', () => {
  test('of elements, attributes, texts and entities', () => {
    const xml =
      '<?xml version="1.0" ?>\n<!DOCTYPE log SYSTEM "x.dtd">\n<log>\n <gpu id="a&amp;b">\n  <name> A &lt;B&gt; &#x41;&#66; </name><none/><empty></empty></gpu>\n</log>\n';
    const log = parseXml(xml);
    expect(log.children[0]?.attributes).toEqual({ id: 'a&b' });
    expect(textOf(log, 'gpu/name')).toBe('A <B> AB');
    expect(textOf(log, 'gpu/none', 'gpu/empty')).toBe('');
    expect(textOf(log, 'gpu/nothing')).toBeUndefined();
  });

  test('is read without what is not wanted', () => {
    const log = parseXml(
      '<log><gpu><clocks><a>1</a><b>2</b></clocks><uuid>x</uuid><more/></gpu></log>',
      (name, depth) => depth !== 2 || name === 'uuid',
    );
    expect(log.children[0]?.children.map(({ name }) => name)).toEqual(['uuid']);
  });

  test.each([
    ['', /without an end/],
    ['words', /without an end/],
    ['<log><gpu>', /without an end, in <gpu>/],
    ['<log></gpu>', /<\/gpu> where <log> is open/],
    ['</log>', /<\/log> where <> is open/],
    [`${'<a>'.repeat(40)}`, /too many elements/],
  ])('%j is refused', (xml, why) => {
    expect(() => parseXml(xml)).toThrow(why);
  });

  test('whatever is cut or changed in it, it is read or refused with words', () => {
    const xml = '<log><gpu id="1"><uuid>GPU-1</uuid><processes><process_info><pid>7</pid></process_info></processes></gpu></log>';
    fc.assert(
      fc.property(
        fc.nat(xml.length),
        fc.nat(xml.length),
        fc.constantFrom('', '<', '>', '/', '&', '"', '</gpu>', '<!', '\0'),
        (a, b, put) => {
          const broken = xml.slice(0, Math.min(a, b)) + put + xml.slice(Math.max(a, b));
          try {
            expect(parseXml(broken).name).not.toBe('');
          } catch (error) {
            expect((error as Error).message).toMatch(/^wrote XML /);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
