// What a specimen of the hand-written set is.
import type { EngineFeature } from './engine-features.js';

export interface Specimen {
  readonly name: string;
  readonly features: readonly EngineFeature[];
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What else than agreement is expected: images that are refused now and then, a module that only a plain process can run, no start at all. */
  readonly expected: 'captured' | 'sometimes not captured' | 'plain only' | 'traps';
}
