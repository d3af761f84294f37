// What this operating-system process holds, as Linux tells it: threads, descriptors, mappings of banks, resident memory. Elsewhere the
// counts are 0. It must collect garbage before it counts, or it would count what is already given up: node --expose-gc.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface HostResources {
  readonly threads: number;
  readonly descriptors: number;
  readonly bankMappings: number;
  readonly residentBytes: number;
  /** Outside the heap, but held by objects of this thread's heap: linear memories above all. */
  readonly externalBytes: number;
}

/** What one collection finalises, a later one frees. */
const COLLECTIONS = 4;

export async function hostResources(): Promise<HostResources> {
  const collectGarbage = globalThis.gc;
  if (collectGarbage === undefined) throw new Error('resources are counted under node --expose-gc');
  for (let round = 0; round < COLLECTIONS; round++) {
    collectGarbage();
    // Finalisers run when the stack is empty.
    await sleep(1);
  }
  return {
    threads: countEntries('/proc/self/task'),
    descriptors: countEntries('/proc/self/fd'),
    bankMappings: existsSync('/proc/self/maps')
      ? readFileSync('/proc/self/maps', 'utf8').split('rekindle-bank').length - 1
      : 0,
    residentBytes: process.memoryUsage().rss,
    externalBytes: process.memoryUsage().external,
  };
}

function countEntries(directory: string): number {
  return existsSync(directory) ? readdirSync(directory).length : 0;
}
