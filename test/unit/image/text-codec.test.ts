// The text of a process image as it is read back: what was written, or damage by name. A layout that agrees with its checksum and with no module is
// damage too, for whoever restores an instance by it looks no more.
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import type { ModuleLayout } from '#runtime/image/layout.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { decodeText, encodeTextFront } from '#runtime/image/text-codec.js';
import { assemble, ins } from '#test/support/wasm-assembler.js';

const { bytes: MODULE, layout: LAYOUT } = prepareModule(
  assemble({
    memories: [{ initial: 1 }],
    globals: [{ type: 'i64', mutable: true, initializer: ins.i64Const(1n) }],
  }),
  'm.wasm',
  { memoryQuotaBytes: 2 ** 20 },
);

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
const textOf = (layout: unknown): Uint8Array =>
  joined(encodeTextFront({ module: MODULE, layout: layout as ModuleLayout }), MODULE);

function damage(bytes: Uint8Array): string {
  try {
    decodeText(bytes, 'm.wasm');
  } catch (error) {
    expect(error).toBeInstanceOf(RekindleError);
    expect(error).toMatchObject({ code: 'IMAGE_DAMAGED', culprit: 'm.wasm' });
    return error instanceof Error ? error.message : '';
  }
  throw new Error('the damage went unnoticed');
}

describe('the text of a process image', () => {
  it('is read as it was written, whatever follows it', () => {
    const text = joined(textOf(LAYOUT), Buffer.from('behind it'));
    expect(decodeText(text, 'm.wasm')).toEqual({ module: new Uint8Array(MODULE), layout: LAYOUT });
  });

  it('has every change noticed, and every end that comes too soon', () => {
    const text = textOf(LAYOUT);
    for (let at = 0; at < text.byteLength; at += 1) {
      const changed = text.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      damage(changed);
      damage(text.subarray(0, at));
    }
  });

  it.each([
    ['no linear memory, where there is a memory', { ...LAYOUT, linearMemory: null }],
    ['a linear memory that is not there', { ...LAYOUT, linearMemory: 1 }],
    ['a linear memory, where there is none', { ...LAYOUT, memories: [] }],
    ['memories that are none', { ...LAYOUT, memories: [{ exportName: 'm' }] }],
    ['nothing but a name', 'layout'],
  ])('%s is no layout', (_, layout) => {
    expect(damage(textOf(layout))).toMatch(/its layout is none$/);
  });
});
