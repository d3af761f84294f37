// Makes the file systems a guest's mounts stand for, in the thread it runs in. What they need of the world comes in from outside; nothing
// is opened before the guest uses it.
import type { BankView } from '../memory/bank-view.ts';
import { loadFileCalls } from '../system/file-calls.ts';
import type { Mount } from '../wasi/context.ts';
import { HostFileSystem } from './host-file-system.ts';
import { MemoryFileSystem } from './memory-file-system.ts';
import type { MountSpec } from './mount-spec.ts';
import { VolumeFileSystem } from './volume-file-system.ts';
import type { VolumeCall } from './volume-protocol.ts';

export interface MountMeans {
  readonly view: BankView;
  /** To the volumes of the site. */
  readonly call: VolumeCall;
  /** Time since 1970-01-01 UTC, in nanoseconds. */
  nowNs(): bigint;
  /** Throws when the guest's time is over. */
  refuseWhenOver(): void;
}

export function mountFileSystem(spec: MountSpec, means: MountMeans): Mount {
  const { guestPath } = spec;
  if (spec.kind === 'memory')
    return { guestPath, fileSystem: new MemoryFileSystem(spec.sizeBytes, () => means.nowNs()) };
  if (spec.kind === 'volume') {
    const { volume, access } = spec;
    const { view, call } = means;
    const nowNs = (): bigint => means.nowNs();
    return { guestPath, fileSystem: new VolumeFileSystem({ volume, access, view, call, nowNs }) };
  }
  const { path, access } = spec;
  const refuseWhenOver = (): void => means.refuseWhenOver();
  return {
    guestPath,
    fileSystem: new HostFileSystem({ path, access, calls: loadFileCalls(), refuseWhenOver }),
  };
}
