// Bytes as text: what is UTF-8 comes as Node decodes it, and any other byte as an unpaired surrogate at its place, so that nothing is lost.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeText } from '#runtime/storage/text-decoding.js';
import { anyText } from '#test/support/any-text.js';

const SEED = 20261122;

it.each([
  ['nothing', [], ''],
  ['ASCII', [0x61, 0x0a, 0x00], 'a\n\0'],
  ['every length', [0x61, 0xc3, 0xbc, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80], 'aü€\u{1F600}'],
  ['a byte order mark, which stays', [0xef, 0xbb, 0xbf, 0x61], '\uFEFFa'],
  ['a replacement character, which is one', [0xef, 0xbf, 0xbd, 0xff], '\uFFFD\udcff'],
  ['a lone continuation', [0x61, 0x80, 0x62], 'a\udc80b'],
  ['a lead without its rest', [0xe2, 0x82, 0x61], '\udce2\udc82a'],
  ['a lead at the end', [0x61, 0xf0], 'a\udcf0'],
  ['an overlong form', [0xc0, 0xaf], '\udcc0\udcaf'],
  ['a surrogate', [0xed, 0xb2, 0x80], '\udced\udcb2\udc80'],
  ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
  ['bytes of no encoding', [0xfe, 0xff], '\udcfe\udcff'],
])('%s', (_, bytes, text) => {
  expect(decodeText(Uint8Array.from(bytes))).toBe(text);
});

it('loses nothing: the bytes can be made again from the text', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    anyText({ maxLength: 4 }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      const again = [...decodeText(bytes)].map((character) => {
        const point = character.codePointAt(0) ?? 0;
        return point >= 0xdc80 && point <= 0xdcff ? Buffer.of(point - 0xdc00) : Buffer.from(character);
      });
      expect(Buffer.concat(again).equals(bytes)).toBe(true);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

it('takes the bytes it is given and none around them', () => {
  expect(decodeText(Uint8Array.from([0x61, 0xff, 0x62, 0x63]).subarray(1, 3))).toBe('\udcffb');
});
