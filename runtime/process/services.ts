// What guest code may ask of the host's main thread, in plain cloneable values. Inline guests reach it by a function call,
// guests in workers over the synchronous channel; neither side knows which. It must never carry a function or a handle.
import type { VolumeReply, VolumeRequest } from '../files/volume-protocol.ts';
import type { GenerationFacts, Reservation } from '../image/generations.ts';
import type { Extent } from '../memory/extents.ts';
import type { BlockMapping, PageSet } from '../memory/guest-memory.ts';
import type { BlockName } from '../memory/persistent-memory-manager.ts';
import type { InputReply } from '../wasi/context.ts';

export interface BlockReply {
  /** KnError, see abi/errors.ts. */
  readonly status: number;
  /** The block to map; null unless status is K_OK. */
  readonly block: { readonly blockId: number; readonly extent: Extent } | null;
  /** The block did not exist before this call. */
  readonly created: boolean;
}

export interface FreeReply {
  readonly status: number;
  readonly freedBlockIds: readonly number[];
}

export interface ExecRequest {
  readonly name: BlockName;
  readonly path: string;
  /** AcParam.acFlags; 0 when there was no AcParam. */
  readonly flags: number;
  readonly credentials: {
    readonly uid: number;
    readonly gid: number;
    readonly groups: readonly number[];
  } | null;
  readonly args: readonly string[];
  /** Null: the caller's own environment. */
  readonly env: readonly string[] | null;
}

export interface ImageReservationRequest {
  readonly generation: number;
  /** Bytes of the head, rounded up to whole bank pages. */
  readonly memoryOffset: number;
  readonly storedBytes: number;
}

export type ReservedPlace = Reservation & { readonly kind: 'reserved' };

export type ImageReservation = Reservation | { readonly kind: 'refused'; readonly reason: 'not-restartable' };

export interface ImageCommit {
  readonly made: GenerationFacts;
  /** Pages in which the new generation differs from the one before. */
  readonly changed: PageSet;
}

/**
 * The calls. Every one may throw GuestStopped: the process is being stopped and its guest code must be unwound.
 * `hr*` calls return a negative errno (abi/errors.ts) on failure.
 */
export interface HostServices {
  pmmAllocate(name: BlockName, sizeBytes: number, key: Uint8Array): BlockReply;
  pmmFree(name: BlockName): FreeReply;
  pmmFreeAll(key: Uint8Array): FreeReply;
  /** The guest could not map a block it was just given. */
  pmmUnmapped(blockId: number): void;
  hrfexec(request: ExecRequest): number;
  hrGetprocessGroup(pid: number): number;
  hrKillGroup(group: number): number;
  reserveImage(request: ImageReservationRequest): ImageReservation;
  commitImage(commit: ImageCommit): void;
  /** The blocks of the current generation, as far as they still exist: from now on the run maps these and no others. */
  reacquireBlocks(): readonly BlockMapping[];
  /** An embedder's function that is served by the main thread: numbers and bigints in, one of them or nothing out. */
  callHostFunction(index: number, args: readonly (number | bigint)[]): number | bigint | undefined;
  /** As `WasiContext.readInput`. */
  readInput(position: number, maxBytes: number, waitMs: number): InputReply;
  /** What a mounted volume is asked for; a refusal is a reply. */
  volume(request: VolumeRequest): VolumeReply;
  /** One way, unlike the others: must not fail and does not wait. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
  /** Returns when everything written before has been taken: keeps a guest from writing faster than the host can take it. */
  outputTaken(): void;
  /** HR_EXIT_HDL: from now on the end of this run is clean, whatever becomes of the thread it runs in. */
  exitHandlerInstalled(): void;
}
