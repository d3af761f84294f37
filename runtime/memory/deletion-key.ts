// Deletion keys: the byte strings that tag blocks for freeing together (reference, section 2.5). Pure; it must never compare keys by
// anything but all of their bytes, terminating NUL included.
import { HR_GROUP_KEY, HR_GROUP_KEYSIZE, PMM_DEL_KEY_SIZE, SYSTEM_PREFIX } from '../../abi/pmm.ts';

/** What a caller's key is. `id` is equal for equal keys. */
export type DeletionKey =
  | { readonly kind: 'group'; readonly id: string }
  | { readonly kind: 'user'; readonly id: string }
  | { readonly kind: 'reserved' }
  | { readonly kind: 'invalid' };

const GROUP_KEY: DeletionKey = Object.freeze({ kind: 'group', id: HR_GROUP_KEY });

/** The key of `bytes`; a copy, which holds when the caller's memory changes. */
export function classifyDeletionKey(bytes: Uint8Array): DeletionKey {
  if (bytes.byteLength === 0 || bytes.byteLength > PMM_DEL_KEY_SIZE) return { kind: 'invalid' };
  // One character a byte, so that equal strings are equal bytes.
  const id = Buffer.from(bytes).toString('latin1');
  if (id === HR_GROUP_KEY || (bytes.byteLength === HR_GROUP_KEYSIZE && id === `${HR_GROUP_KEY}\0`))
    return GROUP_KEY;
  return id.startsWith(SYSTEM_PREFIX) ? { kind: 'reserved' } : { kind: 'user', id };
}

/** A key as printable ASCII: without one terminating NUL, other bytes as \xNN. */
export function printableKey(id: string): string {
  const text = id.endsWith('\0') ? id.slice(0, -1) : id;
  return text.replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
