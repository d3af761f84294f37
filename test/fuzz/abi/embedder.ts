// The embedder's side of the guest that the ABI is fuzzed with: puts bytes into its memory just before a call and looks at it just after. It runs
// in the thread of the fuzzer, inline, or it would be of no use to it.
import type { EmbedderContext, EmbedderImports } from '#runtime/process/guest-imports.js';

/** What is done around the call that is under way. */
export const around: { before: (memory: Uint8Array) => void; after: (memory: Uint8Array) => void } = {
  before: () => undefined,
  after: () => undefined,
};

export default function embedder(guest: EmbedderContext): EmbedderImports {
  return {
    fuzz: { before: () => around.before(guest.memory()), after: () => around.after(guest.memory()) },
  };
}
