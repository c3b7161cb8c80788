import { describe, expect, it } from '@jest/globals';
import { AddressTexts } from './address-texts.js';
import { Reader } from './reader.js';
import { Writer } from './writer.js';

/** A field's length and content, as `read` finds it. */
function fieldOf(text: string): Reader {
  const writer = new Writer();
  writer.string(3, text);
  const reader = new Reader(writer.finish());
  reader.tag();
  return reader;
}

describe('AddressTexts', () => {
  it('reads any text as the reader does, whether it was seen before or not', () => {
    const addresses = new AddressTexts();
    const texts = ['', 'a:1', 'a:2', 'b:1', 'ä:1', 'x'.repeat(127), 'x'.repeat(200), 'y'.repeat(400)];
    for (let host = 0; host < 20; host++) texts.push(`10.0.0.${host}:63000`);
    for (let round = 0; round < 3; round++) {
      for (const text of texts) {
        const reader = fieldOf(text);
        expect(addresses.read(reader)).toBe(text);
        expect(reader.pos).toBe(reader.end);
      }
    }
  });

  it('takes no length of two bytes for that of an address that it knows', () => {
    const addresses = new AddressTexts();
    const long = 'z'.repeat(0x80 + 1);
    expect(addresses.read(fieldOf(long))).toBe(long);
    expect(addresses.read(fieldOf('z'.repeat(0x81 + 0x80)))).toHaveLength(0x101);
  });

  it('refuses what is cut, also where it begins as a known address', () => {
    const addresses = new AddressTexts();
    expect(addresses.read(fieldOf('host:63000'))).toBe('host:63000');
    const { buf } = fieldOf('host:63000');
    for (let end = 1; end < buf.length; end++) {
      const reader = new Reader(buf.subarray(0, end));
      reader.tag();
      expect(() => addresses.read(reader)).toThrow();
    }
  });

  it('gives the same bytes for the same text', () => {
    const addresses = new AddressTexts();
    for (const text of ['a:1', 'ä:1', '', 'a:1']) {
      expect(Buffer.from(addresses.encode(text)).toString()).toBe(text);
      expect(addresses.encode(text)).toBe(addresses.encode(text));
    }
  });
});
