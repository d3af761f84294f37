// What is mounted for a guest, as plain data: it is said when the process is started, written down with it, and goes to the thread the
// guest runs in. Nothing is opened here.
import type { JsonValue } from '../bank/ledger-records.ts';
import type { RecordReader } from '../bank/record-reader.ts';
import { MAX_GUEST_PATH_BYTES, MAX_MEMORY_MOUNT_BYTES, MEMORY_NODE_BYTES } from '../limits.ts';

export type MountAccess = 'read-only' | 'read-write';

/** `guestPath`: what the guest calls it. */
export type MountSpec = { readonly guestPath: string } & (
  | { readonly kind: 'host'; readonly path: string; readonly access: MountAccess }
  | { readonly kind: 'memory'; readonly sizeBytes: number }
  | { readonly kind: 'volume'; readonly volume: string; readonly access: MountAccess }
);

export function recordOfMounts(mounts: readonly MountSpec[]): JsonValue {
  return mounts.map((mount) => ({ ...mount }));
}

/** Throws BANK_DAMAGED. */
export function mountsFromRecord(record: RecordReader, name: string): readonly MountSpec[] {
  return record.list(name, (items, index) => mountFrom(items.record(index)));
}

/** More than the mounts take in a record. */
export function recordBytesOfMounts(mounts: readonly MountSpec[]): number {
  return mounts.reduce((sum, mount) => sum + 6 * Buffer.byteLength(JSON.stringify(mount)), 0);
}

function mountFrom(record: RecordReader): MountSpec {
  const guestPath = record.text('guestPath');
  const kind = record.oneOf('kind', ['host', 'memory', 'volume']);
  if (kind === 'memory')
    return {
      guestPath,
      kind,
      sizeBytes: record.integer('sizeBytes', MEMORY_NODE_BYTES, MAX_MEMORY_MOUNT_BYTES),
    };
  const access = record.oneOf('access', ['read-only', 'read-write']);
  if (kind === 'host') return { guestPath, kind, path: record.text('path'), access };
  return { guestPath, kind, volume: record.text('volume'), access };
}

/** How a guest's mounts may be named: `/data`, `.`; what is wrong with a name, or null. */
export function problemOfGuestPath(guestPath: string): string | null {
  if (guestPath === '') return 'must not be empty';
  if (guestPath.includes('\0')) return 'contains a NUL character';
  return Buffer.byteLength(guestPath) > MAX_GUEST_PATH_BYTES ? 'is too long' : null;
}
