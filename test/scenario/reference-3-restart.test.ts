// Reference, sections 3.4 to 3.8: abnormal ends, group restart, clean ends, the life of a group, and killing one. Left out for want of a
// counterpart: the loading address (3.5, 1.3) and the group's list in a block of its own (3.7): the controller's record takes its place.
import { describe, expect, it } from 'vitest';
import { EINVAL, ENOEXEC, EPERM, ESRCH } from '#abi/errors.js';
import { type ArunOptions, GuestFaultError, type Process } from '#runtime/index.js';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { books, openProbeSite, refusal } from '#test/support/probe-site.js';
import { PLACEMENTS, until } from '#test/support/scenario.js';

const GROUP = 5;

describe.each(PLACEMENTS)('restarting: %s', (placement) => {
  async function open() {
    const opened = await openProbeSite();
    const { site } = opened;
    const probe = async (options: ArunOptions = {}) =>
      new ProbeCalls(await opened.probe({ placement, group: GROUP, ...options }));
    const command = (name: string, verbs: readonly string[], options: ArunOptions = {}) =>
      site.arun('probe-command.wasm', { placement, group: GROUP, args: [name, ...verbs], ...options });
    const child = async (parent: ProbeCalls, name: string) => {
      await parent.spawn(name, 'probe.wasm');
      return new ProbeCalls(await opened.named(name));
    };
    const fault = async (process: Process, exportName: string, ...args: number[]) => {
      const error = await refusal(process.call(exportName, args));
      if (!(error instanceof GuestFaultError)) throw error;
      await opened.ready(process);
      return error.fault;
    };
    return { opened, site, probe, command, child, fault };
  }

  describe('3.4 abnormal termination', () => {
    it('3.4 a: an unrecoverable error', async () => {
      const { probe, fault, opened } = await open();
      const { process } = await probe();
      expect(await fault(process, 'trap')).toMatchObject({
        kind: 'trap',
        message: 'unreachable',
        activity: 'trap',
      });
      expect(await fault(process, 'peek', -4)).toMatchObject({ kind: 'trap' });
      expect(opened.events('restarted').map(({ culprit }) => culprit)).toEqual([process.name, process.name]);
    });

    // The status is a u32, as in WASI.
    it.each([0, 1, 255, 2 ** 32 - 1])('3.4 b: a premature exit, with code %i', async (status) => {
      const { probe, fault, opened } = await open();
      const { process } = await probe();
      expect(await fault(process, 'quit', status)).toMatchObject({ kind: 'exit', exitStatus: status });
      expect(opened.events('restarted')).toHaveLength(1);
    });

    it('3.4 b: a command that returns from its entry point', async () => {
      const { command, opened } = await open();
      await command('C', ['again:handler']);
      await opened.restarted(GROUP, 1);
      expect(opened.events('fault')[0]?.fault).toMatchObject({
        kind: 'exit',
        exitStatus: 0,
        activity: 'entry',
      });
    });

    it('3.4 c: being killed by anything but a group kill', async () => {
      const { probe, site, opened } = await open();
      const { process } = await probe();
      const { pid } = process;
      await process.call('bump');
      await site.akill(pid);
      await opened.ready(process);
      expect(opened.events('fault')[0]?.fault.kind).toBe('killed');
      expect(process.pid).not.toBe(pid);
      expect(await process.call('bump')).toBe(1);
      expect((await refusal(site.akill(pid))).code).toBe('PROCESS_UNKNOWN');
    });

    it('3.4 there is nothing to restart in a plain process: its end is its end', async () => {
      const { opened, site, probe } = await open();
      const plain = await opened.probe({ placement, restartable: false });
      const bystander = await probe();
      const error = await refusal(plain.call('trap'));
      expect(error.code).toBe('GUEST_FAULT');
      expect(await plain.exited).toMatchObject({ kind: 'fault', fault: { kind: 'trap' } });
      expect(opened.events('restarted')).toEqual([]);
      expect(site.process(plain.name)).toBeNull();
      expect(await bystander.call('bump')).toBe(1);
    });
  });

  describe('3.5 group restart', () => {
    it('3.5 all direct processes come back from their entry points, data reset, and other groups do not notice', async () => {
      const { probe, fault, opened } = await open();
      const [first, second, other] = [await probe(), await probe(), await probe({ group: 6 })];
      for (const { process } of [first, second, other]) {
        await process.call('bump');
        await process.call('scribble');
      }
      const pids = [first, second, other].map(({ process }) => process.pid);
      await fault(first.process, 'trap');
      await opened.ready(second.process);
      for (const { process } of [first, second]) {
        expect(await process.call('data', [], { returns: 'string' })).toBe('pristine.');
        expect(await process.call('bump')).toBe(1);
        expect(pids).not.toContain(process.pid);
      }
      expect(await other.call('bump')).toBe(2);
      expect(other.process.pid).toBe(pids[2]);
    });

    it('3.5 and 12 row 8: members stop in reverse order of start, direct ones start in their first order', async () => {
      const { probe, child, fault, opened } = await open();
      const first = await probe();
      await child(first, 'CHILD');
      const second = await probe();
      const before = [first, second].map(({ process }) => process.pid);
      await fault(second.process, 'trap');
      await opened.ready(first.process);
      expect(opened.events('restarted')[0]?.restarted).toEqual([first.process.name, second.process.name]);
      // Pids are given out in the order of start.
      expect(first.process.pid).toBeLessThan(second.process.pid);
      expect(Math.min(first.process.pid, second.process.pid)).toBeGreaterThan(Math.max(...before));
    });

    it('3.5 indirect processes come back only when they are run again', async () => {
      const { probe, child, fault, site, opened } = await open();
      const parent = await probe();
      const { process } = await child(parent, 'CHILD');
      await fault(parent.process, 'trap');
      expect(process.state).toBe('stopped');
      expect((await refusal(process.call('bump'))).code).toBe('PROCESS_RESTARTING');
      expect(site.report().groups[0]?.members).toContainEqual({ name: 'CHILD', status: 'stopped' });
      await parent.spawn('CHILD', 'probe.wasm');
      await opened.ready(process);
      expect(await process.call('bump')).toBe(1);
    });

    it('3.5 the fault of an indirect process restarts the whole group', async () => {
      const { probe, child, opened } = await open();
      const parent = await probe();
      const { process } = await child(parent, 'CHILD');
      const { pid } = parent.process;
      await refusal(process.call('trap'));
      await opened.ready(parent.process);
      expect(parent.process.pid).not.toBe(pid);
      expect(process.state).toBe('stopped');
      expect(opened.events('restarted')[0]?.culprit).toBe('CHILD');
    });
  });

  describe('3.6 clean termination', () => {
    it('3.6 HR_EXIT_HDL makes any exit clean; name and images stay until the group is over', async () => {
      const { probe, site, opened } = await open();
      const [ending, staying] = [await probe(), await probe()];
      const { blocks } = site.report().bank;
      await refusal(ending.process.call('quitCleanly', [3]));
      expect(ending.process.state).toBe('ended');
      expect(opened.events('exited').map(({ end }) => end)).toEqual([{ kind: 'exit', status: 3 }]);
      expect(opened.events('restarted')).toEqual([]);
      expect([site.process(ending.process.name)?.state, site.report().bank.blocks]).toEqual([
        'ended',
        blocks,
      ]);
      await refusal(staying.process.call('quitCleanly', [0]));
      expect(await ending.process.exited).toEqual({ kind: 'exit', status: 3 });
      expect(site.process(ending.process.name)).toBeNull();
    });

    it('3.6 a crash between HR_EXIT_HDL and exit is not seen as a failure', async () => {
      const { probe, opened } = await open();
      const { process } = await probe();
      await refusal(process.call('trapAfterHandler'));
      await until('the process has ended', () => process.state === 'ended');
      expect(opened.events('restarted')).toEqual([]);
    });

    it('3.6 HR_EXIT_HDL holds for one run only', async () => {
      const { probe, fault } = await open();
      const [leaving, failing] = [await probe(), await probe()];
      await leaving.call('hrExitHdl');
      await fault(failing.process, 'trap');
      expect(await fault(leaving.process, 'quit', 0)).toMatchObject({ kind: 'exit' });
    });

    it('3.6 a command that calls HR_EXIT_HDL and returns has ended cleanly', async () => {
      const { command, opened } = await open();
      const process = await command('C', ['print:once', 'handler']);
      expect(await process.exited).toEqual({ kind: 'exit', status: 0 });
      expect(opened.output(process.name)).toBe('once\n');
      expect(opened.events('restarted')).toEqual([]);
    });

    const cleanExits: readonly [what: string, verbs: string[], restarts: number][] = [
      ['exit(0) is clean', ['exit:0'], 0],
      ['a return is exit(0)', [], 0],
      ['exit(1) is not', ['first:exit:1', 'handler'], 1],
      ['exit(1) is with the handler', ['handler', 'exit:1'], 0],
    ];
    it.each(cleanExits)("12: with cleanExit 'zero', %s", async (_what, verbs, restarts) => {
      const { command, opened } = await open();
      const process = await command('C', verbs, { cleanExit: 'zero' });
      expect((await process.exited).kind).toBe('exit');
      expect(opened.events('restarted')).toHaveLength(restarts);
    });
  });

  describe('3.7 the life of a group', () => {
    it('3.7 when the last member has ended cleanly, everything of the group is freed and its ID and names with it', async () => {
      const { probe, child, site } = await open();
      const before = books(site);
      const parent = await probe();
      const indirect = await child(parent, 'CHILD');
      await parent.allocate('TIED', 8, await parent.groupKey());
      await parent.allocate('OWN', 8, await parent.key('own'));
      await indirect.process.call('hrCheckpoint');
      await refusal(indirect.process.call('quitCleanly', [0]));
      await refusal(parent.process.call('quitCleanly', [0]));
      await parent.process.exited;
      expect(site.report().groups).toEqual([]);
      expect(site.report().processes).toEqual([]);
      expect(site.pmstat().map(({ name }) => name)).toEqual(['OWN']);
      site.pmm.free('OWN');
      expect(books(site)).toEqual(before);
      const again = await probe();
      expect(await again.spawn('CHILD', 'probe-caller.wasm')).toBe(-ENOEXEC);
    });

    it('3.7 a member that is not run again blocks the group, which is said once, in these words', async () => {
      const { probe, child, fault, opened, site } = await open();
      const parent = await probe();
      for (const name of ['ONE', 'TWO', 'THREE']) await child(parent, name);
      await fault(parent.process, 'trap');
      await parent.spawn('TWO', 'probe.wasm');
      const two = await opened.named('TWO');
      await refusal(two.call('quitCleanly', [0]));
      expect(opened.events('blocked')).toEqual([]);
      await refusal(parent.process.call('quitCleanly', [0]));
      const message = `HR_CTRL: group ${GROUP} blocked, some members have not terminated: ONE, THREE`;
      await until('the group is blocked', () => opened.events('blocked').length > 0);
      expect(opened.events('blocked')).toEqual([{ group: GROUP, names: ['ONE', 'THREE'], message }]);
      expect(opened.output('HR_CTRL')).toBe(`${message}\n`);
      expect(site.report().groups[0]?.blocked).toBe(true);
      expect(parent.process.state).toBe('ended');
    });

    it('3.7 the way out of a blocked group: the member is run again and ends cleanly', async () => {
      const { probe, child, fault, opened, site } = await open();
      const parent = await probe();
      await child(parent, 'CHILD');
      await fault(parent.process, 'trap');
      await refusal(parent.process.call('quitCleanly', [0]));
      await until('the group is blocked', () => site.report().groups[0]?.blocked === true);
      const helper = await probe();
      expect(site.report().groups[0]?.blocked).toBe(false);
      await helper.spawn('CHILD', 'probe.wasm');
      await refusal((await opened.named('CHILD')).call('quitCleanly', [0]));
      await refusal(helper.process.call('quitCleanly', [0]));
      await parent.process.exited;
      expect(site.report().groups).toEqual([]);
    });

    it('3.7 the other way out: the group is killed', async () => {
      const { probe, child, fault, site } = await open();
      const parent = await probe();
      await child(parent, 'CHILD');
      await fault(parent.process, 'trap');
      await refusal(parent.process.call('quitCleanly', [0]));
      await site.killGroup(GROUP);
      expect([site.report().groups, site.report().processes, site.pmstat()]).toEqual([[], [], []]);
    });

    it('12 row 10: a direct member that had ended cleanly stays ended', async () => {
      const { probe, fault, opened } = await open();
      const [ended, failing] = [await probe(), await probe()];
      await refusal(ended.process.call('quitCleanly', [0]));
      await fault(failing.process, 'trap');
      expect(ended.process.state).toBe('ended');
      expect(opened.events('restarted')[0]?.restarted).toEqual([failing.process.name]);
    });
  });

  describe('3.8 hrKillGroup, hrGetprocessGroup, akill', () => {
    const trusted = { credentials: { trusted: true } };

    it('3.8 a trusted caller kills another group for good; blocks with other keys stay', async () => {
      const { probe, child, site } = await open();
      const killer = await probe({ ...trusted, group: 1 });
      const parent = await probe();
      const victim = await child(parent, 'CHILD');
      await parent.allocate('TIED', 8, await parent.groupKey());
      await parent.allocate('OWN', 8);
      expect(await killer.call('hrKillGroup', GROUP)).toBe(0);
      expect(await parent.process.exited).toEqual({ kind: 'killed' });
      expect(await victim.process.exited).toEqual({ kind: 'killed' });
      expect((await refusal(victim.process.call('bump'))).code).toBe('PROCESS_ENDED');
      expect(site.report().groups.map(({ group }) => group)).toEqual([1]);
      expect(site.pmstat().flatMap((row) => (row.system ? [] : [row.name]))).toEqual(['OWN']);
      expect((await probe()).process.group).toBe(GROUP);
    });

    it('3.8 an unknown or unused group is no error', async () => {
      const { probe, site } = await open();
      const killer = await probe(trusted);
      for (const group of [9, -1, 100_000]) expect(await killer.call('hrKillGroup', group)).toBe(0);
      await site.killGroup(77);
      expect(await killer.call('bump')).toBe(1);
    });

    it('3.8 anyone else gets EPERM, and nothing happens', async () => {
      const { probe, site } = await open();
      const [untrusted, plain] = [await probe(), await probe({ group: 1 })];
      const outsider = new ProbeCalls(
        await (await open()).opened.probe({ placement, restartable: false, ...trusted }),
      );
      const before = books(site);
      expect(await untrusted.call('hrKillGroup', 1)).toBe(-EPERM);
      expect(await untrusted.call('hrKillGroup', GROUP)).toBe(-EPERM);
      expect(await outsider.call('hrKillGroup', GROUP)).toBe(-EPERM);
      expect(books(site)).toEqual(before);
      expect(await plain.call('bump')).toBe(1);
    });

    it('3.8 hrGetprocessGroup: the group of a pid, ESRCH for one that is none, EINVAL for a plain process', async () => {
      const { probe, opened } = await open();
      const [asking, other] = [await probe(), await probe({ group: 1 })];
      const plain = await opened.probe({ placement, restartable: false });
      expect(await asking.call('hrGetprocessGroup', asking.process.pid)).toBe(GROUP);
      expect(await asking.call('hrGetprocessGroup', other.process.pid)).toBe(1);
      for (const pid of [0, -1, 0x7fffffff]) expect(await asking.call('hrGetprocessGroup', pid)).toBe(-ESRCH);
      expect(await asking.call('hrGetprocessGroup', plain.pid)).toBe(-EINVAL);
      expect(await new ProbeCalls(plain).call('hrGetprocessGroup', asking.process.pid)).toBe(-EPERM);
    });

    it('3.8 akill restarts the group of the process; a single member cannot be killed for good', async () => {
      const { probe, site, opened } = await open();
      const [first, second] = [await probe(), await probe()];
      const pids = [first.process.pid, second.process.pid];
      await site.akill(first.process.pid);
      await opened.ready(second.process);
      expect(pids).not.toContain(second.process.pid);
      expect(site.aps()).toHaveLength(2);
    });

    it('3.8 akill ends a plain process', async () => {
      const { opened, site } = await open();
      const plain = await opened.probe({ placement, restartable: false });
      await site.akill(plain.pid);
      expect(await plain.exited).toEqual({ kind: 'killed' });
    });
  });
});
