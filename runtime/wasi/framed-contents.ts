// A text that describes contents, and the contents behind it, as one piece of bytes: the form of what WASI and its mounts add to an image.
// A reader must never trust a length it has not checked, nor take what is no text for one.

//  Little-endian. The text is JSON; how long each content is stands in it.
//
//   0            4
//  +------------+-------------------+-----------+-----------+-----
//  | textBytes  | text, UTF-8       | content 0 | content 1 | ...
//  +------------+-------------------+-----------+-----------+-----
const TEXT_OFFSET = 4;

export function frameContents(text: unknown, contents: readonly Uint8Array[]): Uint8Array {
  const encoded = new TextEncoder().encode(JSON.stringify(text));
  const contentBytes = contents.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = new Uint8Array(TEXT_OFFSET + encoded.byteLength + contentBytes);
  new DataView(bytes.buffer).setUint32(0, encoded.byteLength, true);
  bytes.set(encoded, TEXT_OFFSET);
  let offset = TEXT_OFFSET + encoded.byteLength;
  for (const content of contents) {
    bytes.set(content, offset);
    offset += content.byteLength;
  }
  return bytes;
}

export class FramedContents {
  /** Whatever the JSON says. */
  readonly text: unknown;
  readonly #bytes: Uint8Array;
  #offset: number;

  private constructor(text: unknown, bytes: Uint8Array, offset: number) {
    this.text = text;
    this.#bytes = bytes;
    this.#offset = offset;
  }

  /** Null when the bytes do not begin with a text. */
  static read(bytes: Uint8Array): FramedContents | null {
    if (bytes.byteLength < TEXT_OFFSET) return null;
    const textBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const offset = TEXT_OFFSET + textBytes;
    if (offset > bytes.byteLength) return null;
    try {
      const decoder = new TextDecoder('utf-8', { fatal: true });
      const text: unknown = JSON.parse(decoder.decode(bytes.subarray(TEXT_OFFSET, offset)));
      return new FramedContents(text, bytes, offset);
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) return null;
      throw error;
    }
  }

  /** A copy of the next content; null when that is no size, or more than what is left. */
  take(sizeBytes: unknown): Uint8Array | null {
    const end = this.#offset + Number(sizeBytes);
    const isSize = Number.isSafeInteger(sizeBytes) && Number(sizeBytes) >= 0;
    if (!isSize || end > this.#bytes.byteLength) return null;
    const content = this.#bytes.slice(this.#offset, end);
    this.#offset = end;
    return content;
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.byteLength;
  }
}
