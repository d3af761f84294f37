// The memories of an instance that is ready and has run nothing, each in its full size, for tests that put them in place by hand. It must
// never be needed by what runs guests: there they come out of an image.
import { type FirstState, firstContent } from '#runtime/image/first-state.js';

export function firstMemories(first: FirstState): readonly Uint8Array[] {
  const content = firstContent(first, 'm.wasm');
  let start = 0;
  return first.memories.map(({ memoryBytes, storedBytes }) => {
    const memory = new Uint8Array(memoryBytes);
    memory.set(content.subarray(start, start + storedBytes));
    start += storedBytes;
    return memory;
  });
}
