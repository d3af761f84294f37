// Joins WASI to the process it serves: its memory, its services, its mounts. What a guest's WASI calls can reach of the world is said here;
// ends of a run are thrown here and caught at the border.
import { type MountMeans, mountFileSystem } from '../files/mount-file-system.ts';
import type { BankView } from '../memory/bank-view.ts';
import { Preview1 } from '../wasi/preview1.ts';
import { GuestAbort, GuestExit } from './fault.ts';
import type { Circumstances } from './guest-imports.ts';
import type { ImportContext } from './import-context.ts';

/** Opens nothing yet. To be disposed of with the guest. */
export function wasiOf(context: ImportContext, bank: BankView, circumstances: Circumstances): Preview1 {
  const { program, services } = context;
  const { args, env, mounts, descriptors, terminals } = program;
  const means: MountMeans = {
    view: bank,
    call: (request) => services.volume(request),
    nowNs: () => circumstances.realtimeNs(),
    refuseWhenOver: () => context.refuseWhenOver(),
  };
  return new Preview1(
    {
      memory: () => context.memory(),
      args,
      env,
      mounts: mounts.map((spec) => mountFileSystem(spec, means)),
      terminals,
      write: (stream, bytes) => services.write(stream, bytes),
      readInput: (position, maxBytes, waitMs) => services.readInput(position, maxBytes, waitMs),
      exit: (status) => {
        throw new GuestExit(status);
      },
      raise: (signal) => {
        throw new GuestAbort(`raised ${signal}`);
      },
      clock: circumstances,
      fillRandom: (bytes) => circumstances.fillRandom(bytes),
    },
    descriptors,
  );
}
