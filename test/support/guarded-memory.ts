// A guest's memory between two zones of the same buffer that nothing may touch: whoever writes before it or behind it is seen.
// What lies in it is the user's to choose.

const GUARD_BYTES = 4096;
export const GUARD_BYTE = 0xc3;
const GUARD = Buffer.alloc(GUARD_BYTES, GUARD_BYTE);

export class GuardedMemory {
  readonly bytes: Uint8Array;
  readonly #zones: readonly Uint8Array[];

  /** Zeros, between the zones. */
  constructor(sizeBytes: number) {
    const buffer = new Uint8Array(GUARD_BYTES + sizeBytes + GUARD_BYTES).fill(GUARD_BYTE);
    this.bytes = buffer.subarray(GUARD_BYTES, GUARD_BYTES + sizeBytes).fill(0);
    this.#zones = [buffer.subarray(0, GUARD_BYTES), buffer.subarray(GUARD_BYTES + sizeBytes)];
  }

  isIntact(): boolean {
    return this.#zones.every((zone) => GUARD.equals(zone));
  }
}
