// How a site begins: it takes over the processes an earlier one has left, and runs the commands of sysadm.ini. It restarts nothing; that
// is the controller's.
import type { CommandFailure } from './cinit/command-failure.ts';
import type { CommandSite } from './cinit/commands.ts';
import { runSysadm, SYSADM_FILE } from './cinit/sysadm.ts';
import { embeddingAgain, type HostImports, makeEmbedding } from './controller/embedding.ts';
import { RekindleError } from './errors.ts';
import { MAX_SYSADM_BYTES } from './limits.ts';
import { loadEmbedderFactory } from './process/embedder-imports.ts';
import type { SiteParts } from './site-parts.ts';
import type { StableStorage } from './storage/stable-storage.ts';

/** All of them are in the table then. Resolves with the groups that cannot be put back, and why. */
export async function adoptPast(
  { pastProcesses, spawner }: SiteParts,
  functions: HostImports,
): Promise<ReadonlyMap<number, string>> {
  const unrestorable = new Map<number, string>();
  for (const past of pastProcesses) {
    const { identity, externals } = past.record;
    const inline = identity.settings.placement === 'inline';
    try {
      const factory = await loadEmbedderFactory(inline ? externals.importsUrl : null);
      const { functionImports } = past.image.layout;
      spawner.adopt(past, embeddingAgain(identity.name, externals, functionImports, functions, factory));
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      const factory = await loadEmbedderFactory(null);
      spawner.adopt(past, makeEmbedding({}, null, factory));
      unrestorable.set(identity.groupId, `${identity.name} cannot be put back: ${error.message}`);
    }
  }
  return unrestorable;
}

/**
 * Resolves with the lines of sysadm.ini that were not done; each has been told by `say`. Rejects with STORAGE_UNAVAILABLE when the file
 * as a whole cannot be read, at a cold start.
 */
export async function beginWithCommands(
  storage: StableStorage,
  site: CommandSite & { readonly start: 'cold' | 'hot' },
  say: (text: string) => void,
): Promise<readonly CommandFailure[]> {
  const { start } = site;
  try {
    const text = storage.readText(SYSADM_FILE, MAX_SYSADM_BYTES);
    const failures = text === null ? [] : await runSysadm({ text, start, site, console: say });
    const refused = failures.find(({ line }) => line === 0);
    if (refused !== undefined && start === 'cold') throw unreadable(refused.reason);
    return failures;
  } catch (error) {
    // What comes back from the bank does so without stable storage.
    if (!(error instanceof RekindleError)) throw error;
    if (start === 'cold')
      throw error.code === 'STORAGE_UNAVAILABLE' ? error : unreadable(error.message, error);
    say(`C_INIT: ${SYSADM_FILE}: ${error.message}\n`);
    return [{ line: 0, command: '', reason: error.message }];
  }
}

/** A site that begins without its commands would never run them: the next start is a hot one. */
function unreadable(reason: string, cause?: RekindleError): RekindleError {
  return new RekindleError('STORAGE_UNAVAILABLE', SYSADM_FILE, `it cannot be read: ${reason}`, { cause });
}
