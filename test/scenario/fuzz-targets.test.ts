// The fuzz targets for a few seconds, with a fixed seed: nothing is found, and what each is there to reach is reached. The whole of it is in
// `npm run fuzz`. The seed, and how to run the very case again, is told when something is found.
import { expect, it } from 'vitest';
import { runFuzz } from '#test/fuzz/run.js';
import type { TargetName } from '#test/fuzz/targets.js';

const SEED = 20260101;
const LIMIT_MS = 300_000;

/** What has to have been seen, or the executions are not what they are meant to be. */
const SHORT_RUNS: readonly (readonly [target: TargetName, executions: number, seen: readonly string[]])[] = [
  [
    'rewriter',
    3000,
    [
      'accepted, small',
      'accepted, made',
      'accepted, compiled',
      'refused by both: MODULE_MALFORMED',
      '  captured and restored, in place too',
      '  captured and restored, in a fresh instance only',
      '  segments trap in the engine too',
      '  begins as in the engine',
      '  exported (trap)',
      '  exported (keep)',
    ],
  ],
  [
    'wasi',
    20_000,
    [
      'path_open: done',
      'path_rename: done',
      'path_symlink: done',
      'fd_write: done',
      'fd_readdir: done',
      'poll_oneoff: done',
      'the run ended',
      '  captured: again',
      '  captured: elsewhere',
      '  captured: earlier',
    ],
  ],
  [
    'abi',
    10_000,
    [
      'pmm pmmAllocate: done',
      'pmm pmmFree: done',
      'pmm pmmFreeAll: done',
      'hr hrfexec: done',
      'hr hrKillGroup: done',
      'hr hrCheckpoint: done',
      'fault: abort',
    ],
  ],
];

it.each(SHORT_RUNS)(
  'finds nothing: %s',
  async (target, executions, seen) => {
    const outcome = await runFuzz({ target, executions, seed: SEED, workers: 1, progress: () => undefined });
    expect(outcome.failures).toEqual([]);
    expect(outcome.executions).toBeGreaterThanOrEqual(executions);
    expect(Object.keys(outcome.counts)).toEqual(expect.arrayContaining([...seen]));
  },
  LIMIT_MS,
);
