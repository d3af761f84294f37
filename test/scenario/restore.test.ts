// A restore that no fault asks for: the process goes on from its last checkpoint, with the same pid, and nobody else notices. What
// comes back byte by byte is shown by the histories of restore-ways.test.ts.
import { describe, expect, it } from 'vitest';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { number, openProbeSite, refusal } from '#test/support/probe-site.js';
import { MATRIX } from '#test/support/scenario.js';

const GROUP = 3;
const BLOCK_BYTES = 4096;

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  it('goes on from the checkpoint, as the same run, and leaves its group alone', async () => {
    const opened = await openProbeSite({ backend });
    const process = await opened.probe({ group: GROUP, placement });
    const other = await opened.probe({ group: GROUP, placement });
    await number(process, 'bump');
    await process.checkpoint();
    await number(other, 'bump');
    const { pid } = process;
    for (let request = 0; request < 3; request += 1) {
      expect(await number(process, 'bump')).toBe(2);
      expect(await number(process, 'bump')).toBe(3);
      await process.restore();
    }
    expect(await number(process, 'bump')).toBe(2);
    expect(await number(process, 'lastCause')).toBe(-1);
    expect(await number(other, 'bump')).toBe(2);
    expect(process.pid).toBe(pid);
    expect(process.generation).toBe(1);
    expect(opened.events('restarted')).toEqual([]);
    expect(opened.events('fault')).toEqual([]);
  });

  it('goes back to the newest checkpoint, and a fault after it does so too', async () => {
    const opened = await openProbeSite({ backend });
    const process = await opened.probe({ group: GROUP, placement });
    for (const generation of [1, 2, 3]) {
      await number(process, 'bump');
      expect(await process.checkpoint()).toBe(generation);
      await number(process, 'bump');
      await process.restore();
    }
    expect(await number(process, 'bump')).toBe(4);
    expect((await refusal(process.call('trap'))).code).toBe('GUEST_FAULT');
    await opened.ready(process);
    expect(await number(process, 'bump')).toBe(4);
    await process.restore();
    expect(await number(process, 'bump')).toBe(4);
  });

  it('takes its turn among the calls', async () => {
    const opened = await openProbeSite({ backend });
    const process = await opened.probe({ group: GROUP, placement });
    const answers = await Promise.all([
      process.call('bump'),
      process.checkpoint(),
      process.call('bump'),
      process.restore(),
      process.call('bump'),
    ]);
    expect(answers).toEqual([1, 1, 2, undefined, 2]);
  });

  it('maps the blocks of the checkpoint and no others, with what is in them now', async () => {
    const opened = await openProbeSite({ backend });
    const process = await opened.probe({ group: GROUP, placement });
    const calls = new ProbeCalls(process);
    const kept = await calls.allocate('KEPT', BLOCK_BYTES);
    await number(process, 'memoryBytes');
    await process.checkpoint();
    await process.call('poke', [kept.address, 7]);
    const later = await calls.allocate('LATER', BLOCK_BYTES);
    await process.call('poke', [later.address, 8]);
    await process.restore();
    expect(await number(process, 'peek', kept.address)).toBe(7);
    const again = await calls.allocate('LATER', BLOCK_BYTES);
    expect(await number(process, 'peek', again.address)).toBe(8);
    const names = opened.site.report().blocks.map(({ name }) => name);
    expect(names.filter((name) => name === 'KEPT' || name === 'LATER')).toHaveLength(2);
  });

  it('is refused before the first checkpoint, and after the end', async () => {
    const opened = await openProbeSite({ backend });
    const process = await opened.probe({ group: GROUP, placement });
    const plain = await opened.probe({ restartable: false, placement });
    await number(process, 'bump');
    expect((await refusal(process.restore())).code).toBe('RESTORE_REFUSED');
    expect((await refusal(plain.restore())).code).toBe('RESTORE_REFUSED');
    expect(await number(process, 'bump')).toBe(2);
    await opened.site.killGroup(GROUP);
    expect((await refusal(process.restore())).code).toBe('PROCESS_ENDED');
  });

  it('is done at once for an inline process, and for no other', async () => {
    const opened = await openProbeSite({ backend });
    const process = await opened.probe({ group: GROUP, placement });
    await process.checkpoint();
    await number(process, 'bump');
    if (placement === 'thread') {
      expect((await refusal(() => process.restoreSync())).code).toBe('PLACEMENT_UNSUITED');
      return;
    }
    process.restoreSync();
    expect(process.callSync('bump')).toBe(1);
  });
});
