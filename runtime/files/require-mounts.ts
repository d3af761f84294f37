// Looks whether what is to be mounted for a process can be, before anything of it is started. A volume is made here when there is none, and
// is gone again when the process cannot be started; nothing is opened.
import { requireHostDirectory } from './host-file-system.ts';
import type { MountSpec } from './mount-spec.ts';
import type { Volumes } from './volumes.ts';

/** Returns the names of the volumes that had to be made. Throws MOUNT_UNAVAILABLE for a directory, VOLUME_LIMIT for a volume: none is made then. */
export function requireMounts(mounts: readonly MountSpec[], volumes: Volumes): readonly string[] {
  for (const mount of mounts) if (mount.kind === 'host') requireHostDirectory(mount.path);
  const made: string[] = [];
  try {
    for (const mount of mounts)
      if (mount.kind === 'volume' && volumes.require(mount.volume) === 'made') made.push(mount.volume);
  } catch (error) {
    giveUpVolumes(made, volumes);
    throw error;
  }
  return made;
}

/** Those that nobody has put anything into or mounted since. */
export function giveUpVolumes(made: readonly string[], volumes: Volumes): void {
  for (const name of made) volumes.removeUntouched(name);
}
