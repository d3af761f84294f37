// What WASI adds to an executing image: the descriptor table, and the content of mounts that go back with the guest. Encoded as bytes that
// the image carries without looking into them; a reader must never trust what it has not checked.
import { RekindleError } from '../errors.ts';
import { MAX_DESCRIPTORS } from '../limits.ts';
import type { CapturedDescriptor } from './captured-descriptors.ts';
import { KNOWN_FLAGS } from './descriptors.ts';
import { INHERITABLE_RIGHTS } from './rights.ts';

export interface WasiState {
  /** By number, rising. */
  readonly descriptors: readonly CapturedDescriptor[];
  /** One for each mount: what its file system has captured. */
  readonly mounts: readonly (Uint8Array | null)[];
}

//  Little-endian. The text is JSON: { descriptors, mounts }, where `mounts` holds the size of each mount's content, or null.
//
//   0            4
//  +------------+-------------------+----------------------+----------------------+-----
//  | textBytes  | text, UTF-8       | content of mount 0   | content of mount 1   | ...
//  +------------+-------------------+----------------------+----------------------+-----
const TEXT_OFFSET = 4;

export function encodeState({ descriptors, mounts }: WasiState): Uint8Array {
  const sizes = mounts.map((content) => content?.byteLength ?? null);
  const text = new TextEncoder().encode(JSON.stringify({ descriptors, mounts: sizes }));
  const contentBytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const bytes = new Uint8Array(TEXT_OFFSET + text.byteLength + contentBytes);
  new DataView(bytes.buffer).setUint32(0, text.byteLength, true);
  bytes.set(text, TEXT_OFFSET);
  let offset = TEXT_OFFSET + text.byteLength;
  for (const content of mounts) {
    if (content === null) continue;
    bytes.set(content, offset);
    offset += content.byteLength;
  }
  return bytes;
}

/**
 * @param mountCount how many mounts the guest has.
 * @throws RekindleError IMAGE_DAMAGED, naming `culprit`, whatever the bytes are.
 */
export function decodeState(bytes: Uint8Array, mountCount: number, culprit: string): WasiState {
  const fail = (what: string): never => {
    throw new RekindleError('IMAGE_DAMAGED', culprit, `its descriptor table: ${what}`);
  };
  if (bytes.byteLength < TEXT_OFFSET) fail('it is too short');
  const textBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (TEXT_OFFSET + textBytes > bytes.byteLength) fail('its text is longer than it');
  const parsed = parse(bytes.subarray(TEXT_OFFSET, TEXT_OFFSET + textBytes));
  if (!isRecord(parsed)) return fail('it is no object');
  const { descriptors, mounts: sizes } = parsed;
  if (!Array.isArray(descriptors) || descriptors.length > MAX_DESCRIPTORS) return fail('its descriptors');
  if (!Array.isArray(sizes) || sizes.length !== mountCount) return fail('its mounts');
  const isSound = (each: unknown, index: number): each is CapturedDescriptor =>
    isDescriptor(each, mountCount) && (index === 0 || descriptors[index - 1].number < each.number);
  if (!descriptors.every(isSound)) return fail('one of its descriptors');
  let offset = TEXT_OFFSET + textBytes;
  const mounts = sizes.map((size: unknown) => {
    if (size === null) return null;
    if (!isWhole(size, bytes.byteLength - offset)) return fail('the content of a mount');
    offset += size;
    return bytes.slice(offset - size, offset);
  });
  if (offset !== bytes.byteLength) fail('it is longer than its parts');
  return { descriptors, mounts };
}

function parse(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isWhole(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function isDescriptor(value: unknown, mountCount: number): value is CapturedDescriptor {
  if (!isRecord(value)) return false;
  const { kind, number, rights, inheriting, flags, position, stream, mount, bookmark, preopenName } = value;
  const { read, write } = value;
  const isCommon =
    isWhole(number, MAX_DESCRIPTORS - 1) &&
    isWhole(rights, INHERITABLE_RIGHTS) &&
    isWhole(inheriting, INHERITABLE_RIGHTS) &&
    isWhole(flags, KNOWN_FLAGS);
  if (!isCommon) return false;
  if (kind === 'stream')
    return (
      isWhole(position, Number.MAX_SAFE_INTEGER) && ['stdin', 'stdout', 'stderr'].includes(String(stream))
    );
  if (!isWhole(mount, mountCount - 1)) return false;
  if (kind === 'file')
    return (
      typeof bookmark === 'string' &&
      typeof read === 'boolean' &&
      typeof write === 'boolean' &&
      isWhole(position, Number.MAX_SAFE_INTEGER)
    );
  const isText = (text: unknown): boolean => typeof text === 'string';
  return (
    kind === 'directory' &&
    (preopenName === null ? isText(bookmark) : isText(preopenName) && bookmark === null)
  );
}
