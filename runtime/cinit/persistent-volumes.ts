// Volumes as the host's own code sees them: listed, looked into, filled, removed. Whole files go in and copies come out; nothing is held
// open, and no symbolic link is followed.
import { printable } from '../checks.ts';
import { RekindleError } from '../errors.ts';
import type { HostEntry, HostFiles } from '../files/host-files.ts';
import { isVolumeName } from '../files/volume-record.ts';
import type { VolumeRow, Volumes } from '../files/volumes.ts';

/**
 * `site.volumes`. A path is relative and plain: names with `/` between them, none of them `.` or `..`; the empty one is the volume itself.
 * Names of volumes have 1 to 64 characters of A-Z, a-z, 0-9, `.`, `_` and `-`, and do not begin with a dot. After the site's shutdown all
 * but `list` throw SITE_CLOSED.
 */
export class PersistentVolumes {
  readonly #volumes: Volumes;
  readonly #files: HostFiles;
  readonly #refuseWhenClosed: () => void;

  /** `refuseWhenClosed` throws SITE_CLOSED once the site has been closed, and with it the bank. */
  constructor(volumes: Volumes, files: HostFiles, refuseWhenClosed: () => void) {
    this.#volumes = volumes;
    this.#files = files;
    this.#refuseWhenClosed = refuseWhenClosed;
  }

  /** Every volume there is, in the order they were made. */
  list(): readonly VolumeRow[] {
    return this.#volumes.list();
  }

  /** False when there is none of that name. Throws VOLUME_BUSY while a guest has it mounted. */
  remove(name: string): boolean {
    this.#refuseWhenClosed();
    return this.#volumes.remove(requireVolumeName(name));
  }

  /** What is in a directory, in the order in which guests see it; null where there is none. */
  entries(name: string, path = ''): readonly HostEntry[] | null {
    this.#refuseWhenClosed();
    return this.#files.entries(requireVolumeName(name), path);
  }

  /** A copy of a file; null where there is none. */
  read(name: string, path: string): Uint8Array | null {
    this.#refuseWhenClosed();
    return this.#files.read(requireVolumeName(name), path);
  }

  /**
   * Puts a file there, whole or not at all: in place of one that is there, which who has it open keeps as it was. The volume and the
   * directories on the way are made if there are none. Throws OPTION_INVALID for a path that cannot be a file, VOLUME_LIMIT, and
   * BANK_UNAVAILABLE when the medium refuses.
   */
  write(name: string, path: string, bytes: Uint8Array): void {
    this.#refuseWhenClosed();
    requireVolumeName(name);
    if (!(bytes instanceof Uint8Array))
      throw new RekindleError('OPTION_INVALID', 'bytes', 'is no Uint8Array');
    this.#files.write(name, path, bytes);
  }
}

function requireVolumeName(name: string): string {
  if (typeof name === 'string' && isVolumeName(name)) return name;
  throw new RekindleError('NAME_INVALID', printable(name), 'it is no name of a volume');
}
