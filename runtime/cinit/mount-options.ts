// What is mounted for a guest, as an embedder says it. Everything is checked here, by name; whether a directory is there is looked at when
// the process is started.
import { resolve } from 'node:path';
import { refuse, requireInteger, requireKnown, requireOneOf, requireRecord, requireText } from '../checks.ts';
import { type MountAccess, type MountSpec, problemOfGuestPath } from '../files/mount-spec.ts';
import { isVolumeName } from '../files/volume-record.ts';
import {
  DEFAULT_MEMORY_MOUNT_BYTES,
  MAX_MEMORY_MOUNT_BYTES,
  MAX_MOUNTS,
  MEMORY_NODE_BYTES,
} from '../limits.ts';

/**
 * `host`: a directory of the host, read-only unless said otherwise; Linux only. `memory`: in memory, of this process alone, empty at its
 * start; what is in it goes back to a checkpoint with the guest. `volume`: a file system of that name in the bank, made when there is
 * none; it stays, whatever becomes of guests and sites, until `site.volumes.remove`.
 */
export type MountOption =
  | { readonly kind: 'host'; readonly path: string; readonly access?: 'read-only' | 'read-write' }
  | { readonly kind: 'memory'; readonly sizeBytes?: number }
  | { readonly kind: 'volume'; readonly volume: string; readonly access?: 'read-only' | 'read-write' };

/** By what the guest calls them; they get descriptors from 3 on, in this order. Throws OPTION_INVALID. */
export function mountsFromOptions(given: Readonly<Record<string, MountOption>>): readonly MountSpec[] {
  const entries = Object.entries(requireRecord('mounts', given));
  if (entries.length > MAX_MOUNTS) refuse('mounts', `has more than ${MAX_MOUNTS} entries`);
  return entries.map(([guestPath, option]) => {
    const name = `mounts["${guestPath}"]`;
    const problem = problemOfGuestPath(guestPath);
    if (problem !== null) refuse(name, problem);
    return mountOf(name, guestPath, requireRecord(name, option));
  });
}

function mountOf(name: string, guestPath: string, option: MountOption): MountSpec {
  const kind = requireOneOf(`${name}.kind`, option.kind, ['host', 'memory', 'volume']);
  if (option.kind === 'memory') {
    // Its root is a directory too.
    const { sizeBytes = DEFAULT_MEMORY_MOUNT_BYTES } = requireKnown(name, option, ['kind', 'sizeBytes']);
    const checked = requireInteger(`${name}.sizeBytes`, sizeBytes, MEMORY_NODE_BYTES, MAX_MEMORY_MOUNT_BYTES);
    return { guestPath, kind: 'memory', sizeBytes: checked };
  }
  if (option.kind === 'volume') {
    const { volume, access = 'read-write' } = requireKnown(name, option, ['kind', 'volume', 'access']);
    if (!isVolumeName(requireText(`${name}.volume`, volume)))
      refuse(
        `${name}.volume`,
        'is no name of a volume: up to 64 letters, digits, dots, dashes and underscores, and no dot at its beginning',
      );
    return { guestPath, kind: 'volume', volume, access: requireAccess(name, access) };
  }
  const { path, access = 'read-only' } = requireKnown(name, option, ['kind', 'path', 'access']);
  const checked = requireText(`${name}.path`, path);
  if (checked === '') refuse(`${name}.path`, 'must not be empty');
  return {
    guestPath,
    kind: kind as 'host',
    path: resolve(checked),
    access: requireAccess(name, access),
  };
}

function requireAccess(name: string, access: MountAccess): MountAccess {
  return requireOneOf<MountAccess>(`${name}.access`, access, ['read-only', 'read-write']);
}
