// Import module `pmm`: decodes the guest's structures, asks the Persistent Memory Manager, and makes the block appear in linear
// memory. The rules of names, keys and rights are the PMM's; nothing here judges them.
import { K_EFAULT, K_EINVAL, K_ENOMEM, K_OK } from '../../abi/errors.ts';
import {
  PMM_DEL_KEY_SIZE,
  PMM_MEDIUM_OFFSET,
  PMM_MEDIUM_SIZE,
  PMM_NAME_OFFSET,
  PMM_NAME_SIZE,
  PMM_NAME_STRUCT_SIZE,
} from '../../abi/pmm.ts';
import type { BlockName } from '../memory/persistent-memory-manager.ts';
import type { ImportContext, ImportFunctions } from './import-context.ts';
import { BadAddress, BadString, bytesAt, stringAt, viewAt } from './linear-memory.ts';

/** Reads a PmmName (drawn in abi/pmm.ts); throws BadAddress or BadString. */
export function blockNameAt(memory: Uint8Array, pointer: number): BlockName {
  bytesAt(memory, pointer, PMM_NAME_STRUCT_SIZE);
  const start = pointer >>> 0;
  return {
    medium: stringAt(memory, start + PMM_MEDIUM_OFFSET, PMM_MEDIUM_SIZE),
    name: stringAt(memory, start + PMM_NAME_OFFSET, PMM_NAME_SIZE),
  };
}

function deletionKeyAt(memory: Uint8Array, pointer: number, sizeBytes: number): Uint8Array {
  const size = sizeBytes >>> 0;
  if (pointer === 0 || size === 0 || size > PMM_DEL_KEY_SIZE) throw new BadString('too-long');
  // A copy: the guest's memory may be restored while the key lives on in the block table.
  return bytesAt(memory, pointer, size).slice();
}

/** Runs an import that answers with a KnError; what the guest got wrong in its arguments becomes one. */
function knError(body: () => number): number {
  try {
    return body();
  } catch (error) {
    if (error instanceof BadAddress) return K_EFAULT;
    if (error instanceof BadString) return K_EINVAL;
    throw error;
  }
}

/** The three calls of reference section 2; signatures in abi/pmm.ts. */
export function pmmImports(context: ImportContext): ImportFunctions {
  return {
    pmmAllocate(
      addressPointer: number,
      namePointer: number,
      sizeBytes: number,
      keyPointer: number,
      keySizeBytes: number,
    ): number {
      return knError(() => {
        const memory = context.memory();
        bytesAt(memory, addressPointer, 4);
        const name = blockNameAt(memory, namePointer);
        const key = deletionKeyAt(memory, keyPointer, keySizeBytes);
        const reply = context.services.pmmAllocate(name, sizeBytes >>> 0, key);
        if (reply.block === null) return reply.status;
        const { blockId, extent } = reply.block;
        const address = context.arena()?.place(blockId, extent) ?? null;
        if (address === null) {
          if (reply.created) context.services.pmmFree(name);
          context.services.pmmUnmapped(blockId);
          return K_ENOMEM;
        }
        viewAt(context.memory(), addressPointer, 4).setUint32(0, address, true);
        return K_OK;
      });
    },

    pmmFree(namePointer: number): number {
      return knError(() => {
        const reply = context.services.pmmFree(blockNameAt(context.memory(), namePointer));
        for (const blockId of reply.freedBlockIds) context.arena()?.remove(blockId);
        return reply.status;
      });
    },

    pmmFreeAll(keyPointer: number, keySizeBytes: number): number {
      return knError(() => {
        const reply = context.services.pmmFreeAll(deletionKeyAt(context.memory(), keyPointer, keySizeBytes));
        for (const blockId of reply.freedBlockIds) context.arena()?.remove(blockId);
        return reply.status;
      });
    },
  };
}
