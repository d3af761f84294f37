// A group of three direct and two indirect processes is restarted a thousand times in a row with stable storage gone, and everything
// about it is right each time (endurance-program.ts sees to that); nothing is leaked on the way, and when the site is closed nothing
// is left. What the program prints is judged here.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { HostResources } from '#test/support/host-resources.js';
import { type Backend, MATRIX, type PlacementName } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import type { EnduranceFigures } from './endurance-program.js';

const PROGRAM = fileURLToPath(new URL('./endurance-program.js', import.meta.url));
const MODULE = 'endurance-member.wasm';
const TIMEOUT_MS = 150_000;

/** A thousand; fewer in threads, where each takes many times as long and runs the same code of the host. */
const FULL_RUN = 1_000;
const SHORT_RUN = 200;
const restartsFor = (placement: PlacementName): number => (placement === 'inline' ? FULL_RUN : SHORT_RUN);

/**
 * What memory may grow by from a fifth of the restarts on. The program keeps every fault and restart it was told of, some 3 MiB, and
 * the host's heap settles: by 8 to 45 MiB on Node 24, after three thousand restarts no further than after one thousand. Each of the six
 * threads collects its own garbage when it sees fit, and its young generation alone may take 16 MiB.
 */
const RESIDENT_SLACK_BYTES = { inline: 72 * 2 ** 20, thread: 96 * 2 ** 20 } as const;
/** One linear memory of a member (128 KiB) kept in every restart would be 100 MiB. */
const EXTERNAL_SLACK_BYTES = 8 * 2 ** 20;

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  const restarts = restartsFor(placement);

  it(`${restarts} restarts in a row`, { timeout: TIMEOUT_MS }, async () => {
    const figures = await endure(backend, placement, restarts);
    const { beforeOpening, warm, afterAll, afterShutdown } = figures;
    expect(countsOf(afterAll)).toEqual(countsOf(warm));
    expect(countsOf(afterShutdown)).toEqual(countsOf(beforeOpening));
    expect(afterAll.externalBytes - warm.externalBytes).toBeLessThan(EXTERNAL_SLACK_BYTES);
    expect(afterAll.residentBytes - warm.residentBytes).toBeLessThan(RESIDENT_SLACK_BYTES[placement]);
  });
});

/** Runs the program on a stable storage of its own, which it removes when the group has been loaded. */
async function endure(
  backend: Backend,
  placement: PlacementName,
  restarts: number,
): Promise<EnduranceFigures> {
  const stableStorage = mkdtempSync(join(tmpdir(), 'rekindle-endurance-'));
  copyFileSync(join(TEST_GUESTS, MODULE), join(stableStorage, MODULE));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', PROGRAM, backend, placement, String(restarts), stableStorage],
    { timeout: TIMEOUT_MS },
  );
  return JSON.parse(stdout) as EnduranceFigures;
}

/** What must be equal, not only near: there is no slack in a count. */
function countsOf({ threads, descriptors, bankMappings }: HostResources): object {
  return { threads, descriptors, bankMappings };
}
