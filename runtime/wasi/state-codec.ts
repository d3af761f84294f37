// What WASI adds to an executing image: the descriptor table, and the content of mounts that go back with the guest. Encoded as bytes that
// the image carries without looking into them; a reader must never trust what it has not checked.
import { RekindleError } from '../errors.ts';
import { MAX_DESCRIPTORS } from '../limits.ts';
import type { CapturedDescriptor } from './captured-descriptors.ts';
import { KNOWN_FLAGS } from './descriptors.ts';
import { FramedContents, frameContents } from './framed-contents.ts';
import { INHERITABLE_RIGHTS } from './rights.ts';

export interface WasiState {
  /** By number, rising. */
  readonly descriptors: readonly CapturedDescriptor[];
  /** One for each mount: what its file system has captured. */
  readonly mounts: readonly (Uint8Array | null)[];
}

//  As framed-contents.ts draws it. The text: { descriptors, mounts }, where `mounts` holds the size of each mount's content, or null.

export function encodeState({ descriptors, mounts }: WasiState): Uint8Array {
  const sizes = mounts.map((content) => content?.byteLength ?? null);
  return frameContents(
    { descriptors, mounts: sizes },
    mounts.filter((content) => content !== null),
  );
}

/**
 * @param mountCount how many mounts the guest has.
 * @throws RekindleError IMAGE_DAMAGED, naming `culprit`, whatever the bytes are.
 */
export function decodeState(bytes: Uint8Array, mountCount: number, culprit: string): WasiState {
  const fail = (what: string): never => {
    throw new RekindleError('IMAGE_DAMAGED', culprit, `its descriptor table: ${what}`);
  };
  const framed = FramedContents.read(bytes);
  if (framed === null) return fail('it has no text');
  const { text } = framed;
  if (!isRecord(text)) return fail('it is no object');
  const { descriptors, mounts: sizes } = text;
  if (!Array.isArray(descriptors) || descriptors.length > MAX_DESCRIPTORS) return fail('its descriptors');
  if (!Array.isArray(sizes) || sizes.length !== mountCount) return fail('its mounts');
  const isSound = (each: unknown, index: number): each is CapturedDescriptor =>
    isDescriptor(each, mountCount) && (index === 0 || descriptors[index - 1].number < each.number);
  if (!descriptors.every(isSound)) return fail('one of its descriptors');
  const mounts = sizes.map((size: unknown) => {
    if (size === null) return null;
    return framed.take(size) ?? fail('the content of a mount');
  });
  if (!framed.atEnd) fail('it is longer than its parts');
  return { descriptors, mounts };
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
