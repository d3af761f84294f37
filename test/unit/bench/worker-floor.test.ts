// The floors of threads and processes: that their cases do what they say, again and again, and that no worker outlives its owner.
import { describe, expect, it } from 'vitest';
import { nodeStart, terminateLooping, warmRoundTrip } from '../../../bench/floor/worker-floor.js';
import { ModuleDirectory } from '../../../bench/ground.js';
import type { Clocked } from '../../../bench/measure.js';
import { compileFile } from '../../../bench/plain-guest.js';
import { PlainWorkers } from '../../../bench/plain-worker.js';

const TURNS = 2;

const floors: readonly (readonly [string, (workers: PlainWorkers, modules: ModuleDirectory) => Clocked])[] = [
  ['warm worker round trip', (workers) => warmRoundTrip(workers)],
  [
    'worker.terminate()',
    (workers, modules) =>
      terminateLooping(workers, compileFile(modules.addSample('faulty.wasm')), 'endlessLoop'),
  ],
  ['starting node', () => nodeStart()],
];

describe('the floor', () => {
  it.each(floors)('%s can be had time and again', async (name, make) => {
    using modules = new ModuleDirectory();
    await using workers = new PlainWorkers();
    const floor = make(workers, modules);
    expect(floor.name).toBe(name);
    for (let turn = 0; turn < TURNS; turn += 1) {
      await floor.prepare?.();
      await floor.run();
    }
    await floor.prepare?.();
  });
});
