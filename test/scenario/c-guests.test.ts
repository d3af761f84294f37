// Guests in C on a real site: the headers' functions, the heap beside blocks, checkpoints in the middle of a call, and the ways a
// program in C ends. What the calls themselves do is the business of the reference's tests.
import { describe, expect, it } from 'vitest';
import { EINVAL, ENAMETOOLONG, EPERM, ESRCH, K_EINVAL, K_EPRIV, K_EUNKNOWN, K_OK } from '#abi/errors.js';
import { CAUSE_TRAP } from '#abi/hr.js';
import type { ArunOptions } from '#runtime/index.js';
import { DIAGONAL, faultOf, inTime, SiteUnderTest, until } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

const GROUP = 4;

describe.each(DIAGONAL)('$backend, $placement', ({ backend, placement }) => {
  async function open(options: ArunOptions = {}) {
    const fixture = await SiteUnderTest.open({ backend, stableStorage: TEST_GUESTS });
    const process = await fixture.site.arun('c-library.wasm', { group: GROUP, placement, ...options });
    await process.ready();
    const call = (name: string, ...args: number[]) => process.call(name, args);
    return { fixture, process, call };
  }

  it('each of the six forms hands over arguments and environment, and fills in the capability', async () => {
    const { fixture, process, call } = await open({ env: { PATH: 'none:', OWN: '1' } });
    await using _ = fixture;
    for (const form of [0, 1, 2, 3, 4, 5]) {
      const pid = await call('spawn', form);
      expect(pid).toBeGreaterThan(process.pid);
      expect(await call('hasCapability')).toBe(1);
      await until(`child ${form} has ended`, () => fixture.log.ends.length === form + 1);
    }
    const [own, given] = ['[zero][one two][]{PATH=none:}{OWN=1}', '[zero][one two][]{GIVEN=2}'];
    expect(fixture.output.trimEnd().split('\n')).toEqual([own, given, own, own, given, own]);
  });

  it('errno says why a call failed', async () => {
    const { fixture, process, call } = await open();
    await using _ = fixture;
    expect(await call('ownGroup')).toBe(GROUP);
    expect(await call('groupOf', process.pid + 1000)).toBe(-ESRCH);
    expect(await call('killGroup', 77)).toBe(-EPERM);
    expect(await call('spawnAs', 4711, 4711)).toBe(-EPERM);
    // Longer than a path may be, with the directory it is looked for in and without.
    expect(await call('spawnLongPath', 1022)).toBe(-ENAMETOOLONG);
    expect(await call('spawnLongPath', 2000)).toBe(-ENAMETOOLONG);
    const plain = await fixture.site.arun('c-library.wasm', { restartable: false, placement });
    await plain.ready();
    expect(await plain.call('groupOf', [plain.pid])).toBe(-EPERM);
    expect(await call('groupOf', plain.pid)).toBe(-EINVAL);
  });

  it('blocks answer with the KnErrors of the header', async () => {
    const { fixture, call } = await open();
    await using _ = fixture;
    const answers = [];
    for (const which of [0, 1, 2, 3, 4]) answers.push(await call('blockError', which));
    expect(answers).toEqual([K_EUNKNOWN, K_EINVAL, K_EINVAL, K_EPRIV, K_OK]);
  });

  it("malloc and blocks never get each other's memory, whichever comes first", async () => {
    const { fixture, call } = await open();
    await using _ = fixture;
    expect(await call('spoiltBytes', 20)).toBe(0);
  });

  it('the stack does not creep when a checkpoint from within a call is restored', async () => {
    const { fixture, process, call } = await open();
    await using _ = fixture;
    const stack = await call('stackAddress');
    for (const round of [1, 2, 3, 4, 5]) {
      // Twelve frames of a kilobyte: five such checkpoints would use up the 64 KiB of the stack.
      expect(await call('checkpointBelow', 12)).toBe(round);
      await faultOf(call('fail'));
      await process.ready();
      expect(await call('stackAddress')).toBe(stack);
      expect([await call('restartCount'), await call('lastCause')]).toEqual([round, CAUSE_TRAP]);
    }
  });

  it('exit runs its handlers, and is a fault without HR_EXIT_HDL', async () => {
    const { fixture, process, call } = await open();
    await using _ = fixture;
    expect(await faultOf(call('quit', 0, 0))).toMatchObject({ kind: 'exit', exitStatus: 0 });
    await process.ready();
    await call('quit', 3, 1).catch(() => undefined);
    expect(await inTime('the end', process.exited)).toEqual({ kind: 'exit', status: 3 });
    expect(fixture.output).toBe('goodbye\ngoodbye\n');
  });

  it('a command goes on after a checkpoint in main, with all it had', async () => {
    await using fixture = await SiteUnderTest.open({ backend, stableStorage: TEST_GUESTS });
    const args = ['last'];
    const process = await fixture.site.arun('c-steps.wasm', { group: GROUP, placement, args });
    expect(await inTime('the end', process.exited)).toEqual({ kind: 'exit', status: 0 });
    const restart = (n: number) =>
      `restart ${n}: cause ${CAUSE_TRAP}, main 1, 2 arguments, last, stack moved by 0\n`;
    expect(fixture.output).toBe(`main 1: generation 1\n${[1, 2, 3].map(restart).join('')}`);
  });
});
