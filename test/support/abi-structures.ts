// Structures of the ABI as a guest lays them out in its memory, byte by byte as abi/ draws them, or wrongly on purpose. It checks nothing.
import { PMM_MEDIUM_SIZE, PMM_NAME_STRUCT_SIZE } from '#abi/pmm.js';

/** A PmmName (abi/pmm.ts) of the two texts, cut or padded to its size: what does not fit loses its NUL. */
export function nameStructure(name: string | Uint8Array, medium = 'RAM'): Uint8Array {
  const bytes = new Uint8Array(PMM_NAME_STRUCT_SIZE);
  bytes.set(Buffer.from(medium).subarray(0, PMM_MEDIUM_SIZE));
  bytes.set(Buffer.from(name).subarray(0, PMM_NAME_STRUCT_SIZE - PMM_MEDIUM_SIZE), PMM_MEDIUM_SIZE);
  return bytes;
}

/** 32-bit words, as structures and pointer vectors are made of. */
export function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}
