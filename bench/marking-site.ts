// A site for guests that mark their own times, and what rows ask of them. However often a group of it restarts, it never climbs the ladder.
import { openSite, type Process, type Site } from '#runtime/index.js';
import { expectError, type ModuleDirectory, nextRestart } from './ground.ts';
import { markingModule } from './marking-guest.ts';
import { MARKS_URL } from './marks.ts';
import { WASM_PAGE_BYTES } from './resident-guest.ts';

/** File of the smallest marking guest in the directory of `addMarkingGuest`. */
export const MARKING_GUEST = 'marking.wasm';

/** Path of the smallest marking guest. */
export function addMarkingGuest(modules: ModuleDirectory): string {
  return modules.add(MARKING_GUEST, markingModule(WASM_PAGE_BYTES, false));
}

export async function openTirelessSite(
  modules: Pick<ModuleDirectory, 'path'>,
  options: Omit<Parameters<typeof openSite>[0], 'stableStorage' | 'policy'>,
): Promise<Site> {
  return await openSite({
    ...options,
    stableStorage: modules.path,
    policy: { maxBadness: Number.POSITIVE_INFINITY, maxFutileFailures: Number.POSITIVE_INFINITY },
  });
}

/** Options of `arun` for a marking guest. */
export const MARKING = { importsUrl: MARKS_URL } as const;

/** What a guest says of its times. */
export function requireNumber(answer: unknown): number {
  if (typeof answer !== 'number') throw new Error(`the guest answered ${String(answer)}, no number`);
  return answer;
}

/** Has a guest in a thread trap; resolves when its group is back. */
export async function crash(site: Site, process: Process): Promise<void> {
  const restarted = nextRestart(site);
  await expectError(process.call('crash'), 'GUEST_FAULT');
  await restarted;
}
