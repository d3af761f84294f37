// The main thread's side of what guests may ask for: each request is one of the PMM's, the spawner's, the controller's or the
// process's own. It turns their answers into the numbers of the ABI and decides nothing.
import { EINVAL, EPERM, ESRCH } from '../../abi/errors.ts';
import { RekindleError } from '../errors.ts';
import type { Volumes } from '../files/volumes.ts';
import type { PersistentMemoryManager } from '../memory/persistent-memory-manager.ts';
import { GuestStopped } from '../process/fault.ts';
import type { HostedProcess } from '../process/hosted-process.ts';
import type { FreeReply } from '../process/services.ts';
import type { AsynchronousServices } from '../process/thread-placement.ts';
import type { HotRestartController } from './controller.ts';
import { execErrno } from './exec-errno.ts';
import type { ControllerObserver } from './observer.ts';
import type { ProcessTable } from './process-table.ts';
import type { Spawner } from './spawner.ts';

export interface GuestServicesOptions {
  readonly pmm: PersistentMemoryManager;
  readonly volumes: Volumes;
  readonly table: ProcessTable;
  readonly controller: HotRestartController;
  readonly spawner: Spawner;
  readonly observer: ControllerObserver;
}

export function guestServices(process: HostedProcess, options: GuestServicesOptions): AsynchronousServices {
  const { pmm, volumes, table, controller, spawner, observer } = options;
  const isPlain = process.identity.groupId === null;

  /** The caller's own mapping of a block that is gone goes at once; other processes keep theirs until their run is over. */
  const freed = (status: number): FreeReply => ({ status, freedBlockIds: pmm.releaseFreed(process.pid) });

  return {
    pmmAllocate: (name, sizeBytes, key) => pmm.allocate(process.client, name, sizeBytes, key),
    pmmFree: (name) => freed(pmm.free(process.client, name)),
    pmmFreeAll: (key) => freed(pmm.freeAll(process.client, key)),
    pmmUnmapped: (blockId) => pmm.releaseOne(process.pid, blockId),

    hrfexec: (request) => {
      const refused = (error: unknown): number => {
        if (error instanceof RekindleError) return -execErrno(error.code);
        throw error;
      };
      try {
        const pid = spawner.exec(process, request);
        return pid instanceof Promise ? pid.catch(refused) : pid;
      } catch (error) {
        return refused(error);
      }
    },

    hrGetprocessGroup: (pid) => {
      if (isPlain) return -EPERM;
      const other = table.withPid(pid);
      if (other === null) return -ESRCH;
      return other.identity.groupId ?? -EINVAL;
    },

    hrKillGroup: (group) => {
      if (isPlain || !process.identity.settings.credentials.trusted) return -EPERM;
      const killed = controller.killGroup(group);
      // A guest that kills its own group does not come back; one that kills another waits until that is done, if it can wait.
      if (group === process.identity.groupId) throw new GuestStopped();
      return process.identity.settings.placement === 'thread' ? killed.then(() => 0) : 0;
    },

    reserveImage: ({ generation, memoryOffset, storedBytes }) =>
      isPlain
        ? { kind: 'refused', reason: 'not-restartable' }
        : process.generations.reserve(generation, memoryOffset, storedBytes),
    commitImage: ({ made, changed }) => process.commitGeneration(made, changed),
    reacquireBlocks: () => process.reacquireBlocks(),

    callHostFunction: (index, args) => spawner.embeddingOf(process).call(index, args),
    volume: (request) => volumes.serve(process.pid, request),
    readInput: (position, maxBytes, waitMs) => {
      if (process.identity.settings.placement === 'thread')
        return process.stdio.readInput(position, maxBytes, waitMs);
      // An inline guest has the thread that would have to bring the input.
      const reply = process.stdio.readInput(position, maxBytes, 0);
      return !(reply instanceof Promise) && reply.kind === 'wait' ? { kind: 'unavailable' } : reply;
    },
    write: (stream, bytes) => {
      if (!process.stdio.write(stream, bytes)) observer.output(process, stream, bytes);
    },
    outputTaken: () => undefined,
    exitHandlerInstalled: () => undefined,
  };
}
