// An inline guest with much resident memory, of which it has stored to a few pages when it traps. The next call stores to the same pages
// again: a restore that leaves page faults behind pays for them here.
import {
  expectAnswer,
  expectFaultSync,
  type ModuleDirectory,
  openSites,
  type SiteOfBackend,
} from '../ground.ts';
import { compileFile, expectTrap, PlainGuest } from '../plain-guest.ts';
import type { Case } from '../report.ts';
import { residentModule, touchArguments, touchedSum } from '../resident-guest.ts';
import type { Scenario } from '../scenario.ts';

const MIB = 1024 * 1024;
const DIRTY_PAGES = [1, 16, 256] as const;
/** What the cold starts and the floor store to in their one call. */
const REFERENCE_PAGES = 16;

interface ResidentGuest {
  readonly sizeBytes: number;
  readonly label: string;
  readonly file: string;
}

async function restores(guest: ResidentGuest, { site, backend }: SiteOfBackend): Promise<readonly Case[]> {
  const { sizeBytes, label, file } = guest;
  const cases: Case[] = [];
  for (const [group, pages] of DIRTY_PAGES.entries()) {
    // A process of its own for each: pages once dirtied stay among those that a restore looks at.
    const process = await site.arun(file, { group, placement: 'inline' });
    await process.checkpoint();
    const touch = touchArguments(sizeBytes, pages);
    cases.push({
      name: 'restore.inline',
      subject: label,
      guest: `${label}, ${pages} dirty`,
      backend,
      role: 'measured',
      run: () => {
        expectFaultSync(process, 'crash');
        expectAnswer(process.callSync('touch', touch), touchedSum(pages));
      },
    });
  }
  return cases;
}

function references(
  modules: ModuleDirectory,
  { sizeBytes, label }: ResidentGuest,
  path: string,
): readonly Case[] {
  const touch = touchArguments(sizeBytes, REFERENCE_PAGES);
  const answer = touchedSum(REFERENCE_PAGES);
  const module = compileFile(path);
  let unseen = path;
  const kept = new PlainGuest(module);
  kept.keepCopy();
  const crash = kept.function('crash');
  const touchKept = kept.function('touch');
  const plain = { subject: label, guest: `${label}, ${REFERENCE_PAGES} dirty`, backend: null } as const;
  return [
    {
      ...plain,
      name: 'cold.inline',
      role: 'cold',
      prepare: () => {
        unseen = modules.addUnseen(path);
      },
      run: () => expectAnswer(new PlainGuest(compileFile(unseen)).function('touch')(...touch), answer),
    },
    {
      ...plain,
      name: 'cold.inline.kept',
      role: 'kept',
      run: () => expectAnswer(new PlainGuest(module).function('touch')(...touch), answer),
    },
    {
      ...plain,
      name: 'floor.inline',
      role: 'floor',
      run: () => {
        expectTrap(crash);
        kept.putBack();
        expectAnswer(touchKept(...touch), answer);
      },
    },
  ];
}

export function inlineResident(sizeMib: number, share: number): Scenario {
  const guest = { sizeBytes: sizeMib * MIB, label: `${sizeMib} MiB`, file: `resident-${sizeMib}.wasm` };
  return {
    name: `inline.resident-${sizeMib}`,
    share,
    run: async ({ modules, measure }) => {
      const path = modules.add(guest.file, residentModule(guest.sizeBytes));
      await using sites = await openSites(modules.path, 0);
      const cases = (await Promise.all(sites.all.map((each) => restores(guest, each)))).flat();
      return await measure([...cases, ...references(modules, guest, path)]);
    },
  };
}
