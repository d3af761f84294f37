// Reference, sections 3.1 to 3.3 and 3.9: direct start, the hrfexec family, credentials and AcParam, as guests meet them. Left out for
// want of a counterpart: actorCreate and acreate (3.2), the main thread's priority and stack, path.gz and the secured mode (3.9).
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  E2BIG,
  EAGAIN,
  EEXIST,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  ENOENT,
  ENOEXEC,
  ENOMEM,
  ENOTSUP,
  EPERM,
} from '#abi/errors.js';
import { AC_PARAM_SIZE, AFX_ANY_SPACE, AFX_SUPERVISOR_SPACE, AFX_TRUSTED, AFX_USER_SPACE } from '#abi/hr.js';
import { PMM_NAME_SIZE } from '#abi/pmm.js';
import type { ArunOptions, SiteOptions } from '#runtime/index.js';
import { nameStructure, words } from '#test/support/abi-structures.js';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { books, openProbeSite } from '#test/support/probe-site.js';
import { PLACEMENTS } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

const directories: string[] = [];

/** A copy of the probe guests that a test may change or delete. */
async function ownStorage(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-spawn-'));
  directories.push(directory);
  cpSync(TEST_GUESTS, directory, { recursive: true });
  return directory;
}

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

describe.each(PLACEMENTS)('starting processes: %s', (placement) => {
  async function open(arun: ArunOptions = {}, options: Partial<SiteOptions> = {}) {
    const opened = await openProbeSite(options);
    const probe = async (more: ArunOptions = {}) =>
      new ProbeCalls(await opened.probe({ placement, ...more }));
    const parent = await probe({ group: 5, ...arun });
    const crash = async (calls: ProbeCalls) => {
      await calls.process.call('trap').catch(() => undefined);
      await opened.ready(calls.process);
    };
    return { opened, site: opened.site, probe, parent, crash };
  }

  describe('3.1 direct start', () => {
    it('3.1 the name is generated, unique, and at most as long as a name may be', async () => {
      const { probe } = await open();
      const names = [(await probe()).process.name, (await probe()).process.name];
      expect(new Set(names).size).toBe(2);
      for (const name of names) expect(Buffer.byteLength(name)).toBeLessThan(PMM_NAME_SIZE);
    });

    it('3.1 an unused group is made, a used one joined, and none means group 0', async () => {
      const { probe, site } = await open();
      const [joined, defaulted] = [await probe({ group: 5 }), await probe()];
      const groups = site.report().groups.map(({ group, members }) => [group, members.length]);
      expect(groups).toEqual([
        [5, 2],
        [0, 1],
      ]);
      expect([joined.process.group, defaulted.process.group]).toEqual([5, 0]);
      expect(await joined.call('hrGetprocessGroup', joined.process.pid)).toBe(5);
    });

    it('3.1 name, arguments and environment are the same after a restart, and storage is not read', async () => {
      const stableStorage = await ownStorage();
      const { parent, crash } = await open({ args: ['a', 'b c'], env: { HOME: '/x' } }, { stableStorage });
      const seen = async () => [
        parent.process.name,
        await parent.process.call('args', [], { returns: 'strings' }),
        await parent.process.call('env', [], { returns: 'strings' }),
      ];
      const before = await seen();
      expect(before.slice(1)).toEqual([['probe.wasm', 'a', 'b c'], ['HOME=/x']]);
      rmSync(stableStorage, { recursive: true });
      await crash(parent);
      expect(await seen()).toEqual(before);
    });
  });

  describe('3.2 hrfexec', () => {
    const args = ['zero', 'one two', ''];
    const forms: readonly [form: string, path: string, env: readonly string[]][] = [
      ['l', 'probe.wasm', ['PATH=none:', 'OWN=1']],
      ['le', 'probe.wasm', ['GIVEN=2']],
      ['lp', 'probe.wasm', ['PATH=none:', 'OWN=1']],
      ['v', 'probe.wasm', ['PATH=none:', 'OWN=1']],
      ['ve', 'probe.wasm', ['GIVEN=2']],
      ['vp', 'probe.wasm', ['PATH=none:', 'OWN=1']],
    ];

    it('3.2 each of the six forms hands over arguments and environment', async () => {
      const { parent, opened } = await open({ env: { PATH: 'none:', OWN: '1' } });
      for (const [form, path, env] of forms) {
        const pid = await parent.spawn(`CHILD_${form}`, path, { form, args, env: ['GIVEN=2'] });
        const child = await opened.named(`CHILD_${form}`);
        expect([form, pid]).toEqual([form, child.pid]);
        expect([form, await child.call('args', [], { returns: 'strings' })]).toEqual([form, args]);
        expect([form, await child.call('env', [], { returns: 'strings' })]).toEqual([form, env]);
      }
    });

    it('3.2 the p-forms find a path in PATH and the others do not', async () => {
      const stableStorage = await ownStorage();
      cpSync(join(stableStorage, 'probe.wasm'), join(stableStorage, 'lib', 'other.wasm'), {
        recursive: true,
      });
      const { parent } = await open({ env: { PATH: 'none:lib' } }, { stableStorage });
      expect(await parent.spawn('V', 'other.wasm', { form: 'v' })).toBe(-ENOENT);
      expect(await parent.spawn('VP', 'other.wasm', { form: 'vp' })).toBeGreaterThan(0);
      expect(await parent.spawn('LP', 'other.wasm', { form: 'lp' })).toBeGreaterThan(0);
    });

    it('3.2 without argv the only argument is the path; without envp the environment is inherited', async () => {
      const { parent, opened } = await open({ args: ['own'], env: { A: '1' } });
      const name = await parent.place(nameStructure('BARE'));
      const path = await parent.text('probe.wasm');
      expect(await parent.call('hrfexec', name, path, 0, 0, 0, 0)).toBeGreaterThan(0);
      const child = await opened.named('BARE');
      expect(await child.call('args', [], { returns: 'strings' })).toEqual(['probe.wasm']);
      expect(await child.call('env', [], { returns: 'strings' })).toEqual(['A=1']);
    });

    it('3.2 the child joins the group of its parent, and so do its own children', async () => {
      const { parent, opened } = await open();
      await parent.spawn('CHILD', 'probe.wasm');
      const child = new ProbeCalls(await opened.named('CHILD'));
      await child.spawn('GRANDCHILD', 'probe.wasm');
      const grandchild = await opened.named('GRANDCHILD');
      expect([child.process, grandchild].map(({ group, kind }) => [group, kind])).toEqual([
        [5, 'indirect'],
        [5, 'indirect'],
      ]);
    });

    it('3.2 only a restartable process may call it', async () => {
      const { probe, site } = await open();
      const plain = await probe({ restartable: false });
      const before = books(site);
      expect(await plain.spawn('CHILD', 'probe.wasm')).toBe(-EPERM);
      expect(books(site)).toEqual(before);
    });

    it('3.2 a name that is running is EEXIST, and nothing changes (12 row 4)', async () => {
      const { parent, probe, opened, site } = await open();
      await parent.spawn('CHILD', 'probe.wasm');
      const child = await opened.named('CHILD');
      await child.call('bump');
      const stranger = await probe({ group: 6 });
      const before = books(site);
      expect(await parent.spawn('CHILD', 'probe.wasm')).toBe(-EEXIST);
      expect(await parent.spawn('CHILD', 'probe-caller.wasm')).toBe(-EEXIST);
      expect(await stranger.spawn('CHILD', 'probe.wasm')).toBe(-EEXIST);
      expect(await parent.spawn(parent.process.name, 'probe.wasm')).toBe(-EEXIST);
      expect(books(site)).toEqual(before);
      expect(await child.call('bump')).toBe(2);
    });

    it('3.2 a registered name is restarted from its image, with its first arguments; storage is not read', async () => {
      const stableStorage = await ownStorage();
      const { parent, opened, crash } = await open({}, { stableStorage });
      await parent.spawn('CHILD', 'probe.wasm', { args: ['first'] });
      const child = await opened.named('CHILD');
      await child.call('bump');
      rmSync(stableStorage, { recursive: true });
      await crash(parent);
      expect(child.state).toBe('stopped');
      expect(await parent.spawn('CHILD', 'probe.wasm', { args: ['second'] })).toBe(child.pid);
      await opened.ready(child);
      expect(await child.call('args', [], { returns: 'strings' })).toEqual(['first']);
      expect(await child.call('bump')).toBe(1);
    });

    it('3.2 a name that ended cleanly is run again from its image while its group lives (12 row 4)', async () => {
      const { parent, opened } = await open();
      await parent.spawn('CHILD', 'probe.wasm');
      const child = await opened.named('CHILD');
      await child.call('bump');
      await child.call('quitCleanly', [0]).catch(() => undefined);
      expect(child.state).toBe('ended');
      expect(await parent.spawn('CHILD', 'probe.wasm')).toBe(child.pid);
      await opened.ready(child);
      expect(await child.call('bump')).toBe(1);
    });

    it('3.2 a registered name with another path is EINVAL (12 row 4)', async () => {
      const { parent, crash, site } = await open();
      await parent.spawn('CHILD', 'probe.wasm');
      await crash(parent);
      const before = books(site);
      expect(await parent.spawn('CHILD', 'probe-caller.wasm')).toBe(-EINVAL);
      expect(books(site)).toEqual(before);
    });

    it('3.2 a registered name of another group is EINVAL, and free once that group is over', async () => {
      const { parent, probe, crash, site } = await open();
      await parent.spawn('CHILD', 'probe.wasm');
      await crash(parent);
      const other = await probe({ group: 6 });
      expect(await other.spawn('CHILD', 'probe.wasm')).toBe(-EINVAL);
      await site.killGroup(5);
      expect(await other.spawn('CHILD', 'probe.wasm', { args: ['anew'] })).toBeGreaterThan(0);
      expect(site.process('CHILD')?.group).toBe(6);
    });

    it('3.2 names of processes and of blocks are separate (12 row 14)', async () => {
      const { parent } = await open();
      expect((await parent.allocate('SAME', 8)).status).toBe(0);
      expect(await parent.spawn('SAME', 'probe.wasm')).toBeGreaterThan(0);
    });

    const names: readonly [what: string, structure: Uint8Array, errno: number][] = [
      ['another medium', nameStructure('A', 'DISK'), EINVAL],
      ['an empty name', nameStructure(''), EINVAL],
      ['a name without its NUL', nameStructure('n'.repeat(PMM_NAME_SIZE)), ENAMETOOLONG],
      ["a name of the system's", nameStructure('__SYS'), EINVAL],
      ['a name that is not UTF-8', nameStructure(Uint8Array.of(0xff)), EINVAL],
    ];
    const paths: readonly [path: string, errno: number][] = [
      ['absent.wasm', ENOENT],
      ['../probe.wasm', EPERM],
      ['/etc/passwd', EPERM],
      ['', EPERM],
      ['malformed.wasm', ENOEXEC],
      ['p'.repeat(2000), ENAMETOOLONG],
    ];

    it('3.2 what cannot be started is an errno, and the site goes on unchanged', async () => {
      const stableStorage = await ownStorage();
      writeFileSync(join(stableStorage, 'malformed.wasm'), 'not a module');
      const { parent, site } = await open({}, { stableStorage });
      const path = await parent.text('probe.wasm');
      const before = books(site);
      for (const [what, structure, errno] of names) {
        const address = await parent.place(structure);
        expect([what, await parent.call('hrfexec', address, path, 0, 0, 0, 0)]).toEqual([what, -errno]);
      }
      for (const [wrong, errno] of paths) {
        expect([wrong, await parent.spawn('CHILD', wrong)]).toEqual([wrong, -errno]);
      }
      expect(books(site)).toEqual(before);
      expect(await parent.spawn('CHILD', 'probe.wasm')).toBeGreaterThan(0);
    });

    it('3.2 pointers out of linear memory are EFAULT, in every place', async () => {
      const { parent, site } = await open();
      const end = await parent.call('memoryBytes');
      const name = await parent.place(nameStructure('CHILD'));
      const path = await parent.text('probe.wasm');
      const wild = await parent.place(words(end, 0));
      const wildCredentials = new Uint8Array(AC_PARAM_SIZE);
      wildCredentials.set(words(end - 4), 28);
      const param = await parent.place(wildCredentials);
      const before = books(site);
      const hostile: readonly [
        what: string,
        args: readonly [number, number, number, number, number, number],
      ][] = [
        ['name', [end - 79, path, 0, 0, 0, 0]],
        ['name at the top', [0xffffffff, path, 0, 0, 0, 0]],
        ['path', [name, end, 0, 0, 0, 0]],
        ['capability', [name, path, end - 15, 0, 0, 0]],
        ['param', [name, path, 0, end - 31, 0, 0]],
        ['credentials', [name, path, 0, param, 0, 0]],
        ['argv', [name, path, 0, 0, end - 3, 0]],
        ['argv[0]', [name, path, 0, 0, wild, 0]],
        ['envp', [name, path, 0, 0, 0, 0xfffffffe]],
        ['envp[0]', [name, path, 0, 0, 0, wild]],
      ];
      for (const [what, args] of hostile) {
        expect([what, await parent.call('hrfexec', ...args)]).toEqual([what, -EFAULT]);
      }
      expect(books(site)).toEqual(before);
    });

    it('3.2 more arguments than the limit are E2BIG', async () => {
      const { parent, site } = await open();
      const [name, path] = [await parent.place(nameStructure('CHILD')), await parent.text('probe.wasm')];
      const word = await parent.text('x');
      const many = await parent.place(words(...Array.from({ length: 2000 }, () => word), 0));
      const before = books(site);
      expect(await parent.call('hrfexec', name, path, 0, 0, many, 0)).toBe(-E2BIG);
      expect(books(site)).toEqual(before);
    });

    it('3.2 a full bank is ENOMEM, too many processes EAGAIN (3.3), and nothing is registered', async () => {
      const full = await open({}, { limits: { bankSizeBytes: 1024 * 1024 } });
      const { usedBytes, sizeBytes } = full.site.report().bank;
      expect((await full.parent.allocate('FILL', sizeBytes - usedBytes)).status).toBe(0);
      const before = books(full.site);
      expect(await full.parent.spawn('CHILD', 'probe-caller.wasm')).toBe(-ENOMEM);
      expect(books(full.site)).toEqual(before);
      const crowded = await open({}, { limits: { maxProcesses: 2 } });
      expect(await crowded.parent.spawn('ONE', 'probe.wasm')).toBeGreaterThan(0);
      expect(await crowded.parent.spawn('TWO', 'probe.wasm')).toBe(-EAGAIN);
      expect(crowded.site.aps()).toHaveLength(2);
    });
  });

  describe('3.3 credentials', () => {
    it('3.3 pid and capability are new for every run; name and group stay', async () => {
      const { parent, opened, crash } = await open();
      const firstPid = await parent.spawn('CHILD', 'probe.wasm');
      const child = await opened.named('CHILD');
      expect(await parent.call('capabilityIsZero')).toBe(0);
      const firstCapability = await parent.process.call('capabilityWord');
      const parentPid = parent.process.pid;
      await crash(parent);
      expect(parent.process.pid).not.toBe(parentPid);
      expect(await parent.call('agetId')).toBe(parent.process.pid);
      expect(await parent.spawn('CHILD', 'probe.wasm')).not.toBe(firstPid);
      expect(await parent.process.call('capabilityWord')).not.toBe(firstCapability);
      expect([child.name, child.group]).toEqual(['CHILD', 5]);
    });
  });

  describe('3.9 AcParam', () => {
    it('3.9 acSite is ignored, and so are the flags for address spaces', async () => {
      const { parent } = await open();
      for (const [index, flags] of [AFX_USER_SPACE, AFX_SUPERVISOR_SPACE, AFX_ANY_SPACE].entries()) {
        const param = await parent.place(words(99, flags, 0, 0, 0, 0, 0, 0));
        const [name, path] = [
          await parent.place(nameStructure(`C${index}`)),
          await parent.text('probe.wasm'),
        ];
        expect(await parent.call('hrfexec', name, path, 0, param, 0, 0)).toBeGreaterThan(0);
      }
    });

    it('3.9 each of the five paths is ENOTSUP when it is given', async () => {
      const { parent, site } = await open();
      const [name, path] = [await parent.place(nameStructure('CHILD')), await parent.text('probe.wasm')];
      const before = books(site);
      for (let index = 0; index < 5; index += 1) {
        const given = Array.from({ length: 5 }, (_, position) => (position === index ? path : 0));
        const param = await parent.place(words(0, 0, ...given, 0));
        expect([index, await parent.call('hrfexec', name, path, 0, param, 0, 0)]).toEqual([index, -ENOTSUP]);
      }
      expect(books(site)).toEqual(before);
    });

    const own = { uid: 5, gid: 6 };
    const changes: readonly [
      what: string,
      trusted: boolean,
      flags: number,
      uid: number,
      errno: number | null,
    ][] = [
      ["the caller's own", false, 0, 5, null],
      ['none: inherited', false, 0, -1, null],
      ['others', false, 0, 7, EPERM],
      ['trust', false, AFX_TRUSTED, -1, EPERM],
      ['others, by a trusted caller', true, 0, 7, null],
      ['trust, by a trusted caller', true, AFX_TRUSTED, -1, null],
    ];

    it.each(changes)('3.9 credentials: %s', async (_what, trusted, flags, uid, errno) => {
      const { parent, site } = await open({ credentials: { ...own, trusted } });
      const before = books(site);
      const pid = await parent.process.call('spawnAs', ['CHILD', 'probe.wasm', flags, uid, own.gid]);
      if (errno === null) {
        expect(pid).toBeGreaterThan(0);
        const row = site.aps().find(({ name }) => name === 'CHILD');
        expect(row?.uid).toBe(uid < 0 ? own.uid : uid);
      } else {
        expect([pid, await parent.call('lastErrno')]).toEqual([-1, errno]);
        expect(books(site)).toEqual(before);
      }
    });

    it('3.9 more than 16 groups are E2BIG', async () => {
      const { parent } = await open();
      const [name, path] = [await parent.place(nameStructure('CHILD')), await parent.text('probe.wasm')];
      const credentials = await parent.place(words(0, 0, 17, ...Array.from({ length: 17 }, () => 0)));
      const param = await parent.place(words(0, 0, 0, 0, 0, 0, 0, credentials));
      expect(await parent.call('hrfexec', name, path, 0, param, 0, 0)).toBe(-E2BIG);
    });
  });
});
