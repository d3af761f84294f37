// What pmstat says before a call and after it, held against what the call has answered: a refusal changes nothing, a block that was given is there,
// one that was freed is gone, and nothing else has moved.
import type { Site } from '#runtime/index.js';
import { demand } from '../tally.js';

type Rows = ReturnType<Site['pmstat']>;

export interface PmmCall {
  readonly name: string;
  readonly status: number;
  /** What it was about; null where that cannot be told. */
  readonly blockName: string | null;
}

/** Of the blocks of guests. `mappings` is left out: a freed block's may go later than its name. */
function linesOf(rows: Rows): string[] {
  return rows
    .filter(({ system }) => !system)
    .map(({ name, sizeBytes, key, group, owner }) => JSON.stringify([name, sizeBytes, key, group, owner]));
}

export function demandBooks(before: Rows, after: Rows, { name, status, blockName }: PmmCall): void {
  const [was, is] = [linesOf(before), linesOf(after)];
  const gone = was.filter((line) => !is.includes(line));
  const come = is.filter((line) => !was.includes(line));
  const told = (): string => `answered ${status}; gone ${gone.join()}; come ${come.join()}`;
  if (status !== 0 || !name.startsWith('pmm')) {
    demand(
      gone.length === 0 && come.length === 0,
      () => `a call that gives and takes no block changed them: ${told()}`,
    );
    return;
  }
  switch (name) {
    case 'pmm pmmAllocate': {
      demand(gone.length === 0 && come.length <= 1, () => `pmmAllocate: ${told()}`);
      const isThere = is.some((line) => blockName === null || JSON.parse(line)[0] === blockName);
      demand(isThere, () => `pmmAllocate: there is no block ${blockName}: ${told()}`);
      return;
    }
    case 'pmm pmmFree':
      demand(gone.length === 1 && come.length === 0, () => `pmmFree: ${told()}`);
      return;
    default:
      demand(gone.length > 0 && come.length === 0, () => `pmmFreeAll: ${told()}`);
  }
}

/** Whether the extents that are spoken of can all be there. */
export function demandUsage(site: Site): void {
  const { blocks, bank } = site.report();
  const listedBytes = blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  demand(listedBytes <= bank.usedBytes, () => `${listedBytes} bytes of blocks, and ${bank.usedBytes} in use`);
  demand(bank.usedBytes <= bank.sizeBytes, () => `${bank.usedBytes} bytes in use of ${bank.sizeBytes}`);
  demand(blocks.length === bank.blocks, () => `${blocks.length} blocks listed of ${bank.blocks}`);
}
