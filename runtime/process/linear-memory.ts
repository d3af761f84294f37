// Reads and writes the guest's linear memory on behalf of imports. Every pointer and length is the guest's word: it is checked
// against the memory as it is now, in unsigned arithmetic that cannot wrap, before a byte is touched.

/** A pointer or length led outside linear memory; becomes K_EFAULT or EFAULT at the import that met it. */
export class BadAddress extends Error {}

/** A string was longer than its place allows, or not UTF-8; becomes K_EINVAL or an errno at the import that met it. */
export class BadString extends Error {
  readonly reason: 'too-long' | 'not-utf8';

  constructor(reason: 'too-long' | 'not-utf8') {
    super(reason);
    this.reason = reason;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function bytesAt(memory: Uint8Array, pointer: number, sizeBytes: number): Uint8Array {
  const start = pointer >>> 0;
  const size = sizeBytes >>> 0;
  if (start + size > memory.length) throw new BadAddress();
  return memory.subarray(start, start + size);
}

export function viewAt(memory: Uint8Array, pointer: number, sizeBytes: number): DataView {
  const bytes = bytesAt(memory, pointer, sizeBytes);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A NUL-terminated UTF-8 string of at most `maxBytes` bytes, NUL included. */
export function stringAt(memory: Uint8Array, pointer: number, maxBytes: number): string {
  const start = pointer >>> 0;
  if (start >= memory.length) throw new BadAddress();
  const window = memory.subarray(start, Math.min(start + maxBytes, memory.length));
  const end = window.indexOf(0);
  if (end < 0) {
    if (window.length < maxBytes) throw new BadAddress();
    throw new BadString('too-long');
  }
  try {
    // Linear memory may be shared with nothing, yet TextDecoder refuses views it cannot be sure of: decode a copy.
    return decoder.decode(window.slice(0, end));
  } catch (error) {
    if (error instanceof TypeError) throw new BadString('not-utf8');
    throw error;
  }
}

/** The strings a null-terminated array of string pointers leads to; at most `maxCount` of `maxBytes` altogether. */
export function stringsAt(memory: Uint8Array, pointer: number, maxCount: number, maxBytes: number): string[] {
  const strings: string[] = [];
  let remainingBytes = maxBytes;
  for (let at = pointer >>> 0; ; at += 4) {
    const element = viewAt(memory, at, 4).getUint32(0, true);
    if (element === 0) return strings;
    if (strings.length === maxCount) throw new BadString('too-long');
    const text = stringAt(memory, element, remainingBytes);
    remainingBytes -= Buffer.byteLength(text) + 1;
    strings.push(text);
  }
}
