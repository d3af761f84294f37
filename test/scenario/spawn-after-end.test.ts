// A child that has ended is asked for again while the thread of its last run is still being taken down: the new run begins when the old one
// is over, each run gives up its own blocks and no other's, and nothing is left when the group has gone.
import { describe, expect, it } from 'vitest';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { openProbeSite } from '#test/support/probe-site.js';
import { BACKENDS, until } from '#test/support/scenario.js';

const CHILD = 'CHILD';
const BLOCK = `${CHILD}_RUNS`;
const GROUP = 5;
/** Its name, and to loop for ever in a run that counts as ended. */
const ARGS = ['probe-command.wasm', CHILD, 'handler', 'spin'];
const ROUNDS = 5;

describe.each(BACKENDS)('backend %s', (backend) => {
  it('a child cut off after HR_EXIT_HDL, and asked for again at once, round after round', async () => {
    const opened = await openProbeSite({ backend });
    const { site } = opened;
    // Short enough to cut off the loop that every run of the child ends in.
    const parent = new ProbeCalls(
      await opened.probe({ placement: 'thread', group: GROUP, entryLimitMs: 150 }),
    );
    const block = () => site.pmstat().find(({ name }) => name === BLOCK);
    const pids = new Set<number>();
    for (let round = 1; round <= ROUNDS; round += 1) {
      const pid = await parent.spawn(CHILD, 'probe-command.wasm', { args: ARGS });
      expect(pid).toBeGreaterThan(0);
      pids.add(pid);
      await until('the child has counted its run', () => {
        const counted = site.pmm.read(BLOCK);
        return counted !== null && Buffer.from(counted).readInt32LE(0) === round;
      });
      expect(block()?.mappings).toBe(1);
      await until('the run has ended', () => site.process(CHILD)?.state === 'ended');
    }
    expect(pids.size).toBe(ROUNDS);
    await until('the last run has given up its block', () => block()?.mappings === 0);
    await site.killGroup(GROUP);
    expect(block()?.mappings).toBe(0);
    expect(site.pmm.free(BLOCK)).toBe(true);
    expect(site.aps()).toEqual([]);
  });

  it('a parent that is restarted while it waits for that: its next run can have the child', async () => {
    const opened = await openProbeSite({ backend });
    const { site } = opened;
    const parent = new ProbeCalls(
      await opened.probe({ placement: 'thread', group: GROUP, entryLimitMs: 150 }),
    );
    await parent.spawn(CHILD, 'probe-command.wasm', { args: ARGS });
    await until('the run has ended', () => site.process(CHILD)?.state === 'ended');
    const asked = parent.spawn(CHILD, 'probe-command.wasm', { args: ARGS }).catch((error: unknown) => error);
    await site.akill(parent.process.pid);
    await asked;
    await parent.process.ready();
    // It may have begun before its parent was killed, or not.
    await until('nothing of the child runs', () =>
      ['ended', 'stopped'].includes(site.process(CHILD)?.state ?? ''),
    );
    expect(await parent.spawn(CHILD, 'probe-command.wasm', { args: ARGS })).toBeGreaterThan(0);
    await site.killGroup(GROUP);
    expect(site.pmstat().find(({ name }) => name === BLOCK)?.mappings).toBe(0);
  });
});
