// Opens a whole site on a damaged bank and asks its guests: each must answer from the newest generation that is left of it, see its
// blocks, and go on to make the next one. Guests run in this thread.
import type { OpenBankFiles } from '#runtime/bank/bank-directory.js';
import { Site } from '#runtime/site.js';
import { isRefusal } from './opening.js';
import { bump, countIn } from './specimen-guest.js';
import { type Backend, BUMPS_A_GENERATION, fixedEnvironment, optionsOf, REOPEN_MS } from './specimens.js';

export interface Bank {
  readonly path: string;
  readonly backend: Backend;
  readonly storage: string;
}

/** Opens it twice, the second time on what the first has made. What is wrong, or null. */
export async function tryWholeSite(
  bank: Bank,
  openBankFiles: OpenBankFiles,
  { isKnown }: { readonly isKnown: boolean },
): Promise<string | null> {
  for (const isAgain of [false, true]) {
    const environment = fixedEnvironment(openBankFiles, { bankNumber: 98, nowMs: REOPEN_MS });
    let site: Site;
    try {
      site = await Site.open(optionsOf(bank.path, bank.storage, bank.backend), environment);
    } catch (error) {
      if (!isAgain && isRefusal(error)) return null;
      throw error;
    }
    try {
      const problem = isKnown ? await problemIn(site) : null;
      if (problem !== null) return problem;
      if (isAgain && site.losses.length > 0) return `lost at once again: ${JSON.stringify(site.losses)}`;
    } finally {
      await site.shutdown();
    }
  }
  return null;
}

async function problemIn(site: Site): Promise<string | null> {
  const { groups } = site.report();
  for (const { name, generation, state, group } of site.aps()) {
    const isQuarantined = groups.find((each) => each.group === group)?.phase === 'quarantined';
    if (isQuarantined || state === 'ended' || state === 'stopped') continue;
    const process = site.process(name);
    if (process === null) return `${name} is registered and cannot be had`;
    await process.ready();
    const answer = countIn(process);
    if (answer !== generation * BUMPS_A_GENERATION)
      return `${name} of generation ${generation} answers ${answer}`;
    for (const next of [generation + 1, generation + 2]) {
      bump(process, BUMPS_A_GENERATION);
      const made = await process.checkpoint();
      if (made !== next) return `${name}: generation ${made}, and not ${next}`;
    }
  }
  for (const { name, system, sizeBytes } of site.pmstat()) {
    if (!system && site.pmm.read(name)?.length !== sizeBytes) return `the block ${name} cannot be read`;
  }
  return null;
}
