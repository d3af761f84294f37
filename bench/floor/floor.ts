// The floors of memory: the least that bringing a memory back to its image could take. A floor is asked for slices of samples; who answers,
// the C program or the same system calls made from here, must make no difference to a row.

/**
 * `drop`: give the private pages up, touch the working set again. `copy-all`: copy the whole image back, touch. `copy-dirty`: copy the known
 * dirty pages back, touch. `write-pages`: write the pages to a file in memory, others than the last time, and touch nothing.
 */
export type FloorKind = 'drop' | 'copy-all' | 'copy-dirty' | 'write-pages';

export interface FloorRequest {
  readonly kind: FloorKind;
  /** Whole pages of 4096 bytes. */
  readonly memoryBytes: number;
  /** Size of the working set: every touch stores to so many pages, spread over the memory. */
  readonly dirtyPages: number;
  /** Whether all of the memory is read before each sample; that is not counted. */
  readonly isResident: boolean;
}

export interface Floor extends AsyncDisposable {
  /** Samples in microseconds, at least one. */
  slice(request: FloorRequest, sliceMs: number): Promise<readonly number[]>;
}
