// Looks whether what is to be mounted for a process can be, before anything of it is started. A volume is made here when there is none;
// nothing is opened.
import { requireHostDirectory } from './host-file-system.ts';
import type { MountSpec } from './mount-spec.ts';
import type { Volumes } from './volumes.ts';

/** Throws MOUNT_UNAVAILABLE for a directory, VOLUME_LIMIT for a volume. */
export function requireMounts(mounts: readonly MountSpec[], volumes: Volumes): void {
  for (const mount of mounts) {
    if (mount.kind === 'host') requireHostDirectory(mount.path);
    if (mount.kind === 'volume') volumes.require(mount.volume);
  }
}
