// Reference, sections 2.5 to 2.7: deletion keys, ownership and sharing of blocks between guests. The documentation's rule that only
// supervisor actors share has no counterpart here: section 12 replaces it with groups and credentials, which is what is proved.
import { describe, expect, it } from 'vitest';
import { K_EINVAL, K_EPRIV, K_EUNKNOWN, K_OK } from '#abi/errors.js';
import type { ArunOptions } from '#runtime/index.js';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { openProbeSite } from '#test/support/probe-site.js';
import { MATRIX, until } from '#test/support/scenario.js';

const MiB = 1024 * 1024;

describe.each(MATRIX)('keys and sharing: $backend, $placement', ({ backend, placement }) => {
  async function open() {
    const opened = await openProbeSite({ backend, limits: { bankSizeBytes: 4 * MiB } });
    const probe = async (options: ArunOptions) =>
      new ProbeCalls(await opened.probe({ placement, ...options }));
    const userBlocks = () => opened.site.pmstat().flatMap((row) => (row.system ? [] : [row.name]));
    return { opened, site: opened.site, probe, userBlocks };
  }

  describe('2.5 deletion keys', () => {
    it('2.5 a key is an arbitrary byte string, compared by all its bytes, the NUL included', async () => {
      const { probe, userBlocks } = await open();
      const calls = await probe({});
      const keys = [[0], [0, 0], [0, 1, 0xff], [0, 1, 0xff, 0], [0xff]].map((bytes) =>
        Uint8Array.from(bytes),
      );
      for (const [index, bytes] of keys.entries()) {
        expect((await calls.allocate(`B${index}`, 8, await calls.key(bytes))).status).toBe(K_OK);
      }
      for (const [index, bytes] of keys.entries()) {
        expect(userBlocks()).toContain(`B${index}`);
        expect(await calls.freeAll(await calls.key(bytes))).toBe(K_OK);
        expect(userBlocks()).toHaveLength(keys.length - index - 1);
      }
    });

    it('2.5 an independent process frees the lot when the job is done', async () => {
      const { probe, userBlocks, opened } = await open();
      const worker = await probe({ group: 1 });
      await worker.allocate('JOB_1', 8, await worker.key('HELLO_GROUP'));
      await worker.allocate('JOB_2', 8, await worker.key('HELLO_GROUP'));
      await worker.process.call('quitCleanly', [0]).catch(() => undefined);
      await worker.process.exited;
      expect(userBlocks()).toEqual(['JOB_1', 'JOB_2']);
      const collector = new ProbeCalls(await opened.probe({ placement, restartable: false }));
      expect(await collector.freeAll(await collector.key('HELLO_GROUP'))).toBe(K_OK);
      expect(userBlocks()).toEqual([]);
    });

    it('2.5 an HR_GROUP_KEY block lives until the last member of the group has ended cleanly', async () => {
      const { probe, userBlocks } = await open();
      const [first, second] = [await probe({ group: 1 }), await probe({ group: 1 })];
      await first.allocate('TIED', 8, await first.groupKey());
      await first.process.call('quitCleanly', [0]).catch(() => undefined);
      expect(userBlocks()).toEqual(['TIED']);
      await second.process.call('quitCleanly', [0]).catch(() => undefined);
      await second.process.exited;
      expect(userBlocks()).toEqual([]);
    });

    it("2.5 an HR_GROUP_KEY block goes with the caller's group when it is killed, and with no other", async () => {
      const { probe, userBlocks, site } = await open();
      const [mine, other] = [await probe({ group: 1 }), await probe({ group: 2 })];
      await mine.allocate('MINE', 8, await mine.groupKey());
      await other.allocate('OTHER', 8, await other.groupKey());
      await mine.allocate('KEPT', 8, await mine.key('my own'));
      await site.killGroup(1);
      expect(userBlocks()).toEqual(['OTHER', 'KEPT']);
    });

    it('2.5 an HR_GROUP_KEY block lives through restarts of its group', async () => {
      const { probe, opened } = await open();
      const calls = await probe({});
      const { address } = await calls.allocate('TIED', 8, await calls.groupKey());
      await calls.poke(address, 11);
      await calls.process.call('trap').catch(() => undefined);
      await opened.ready(calls.process);
      const again = await calls.allocate('TIED', 8, await calls.groupKey());
      expect([again.status, await calls.peek(again.address)]).toEqual([K_OK, 11]);
    });

    it('2.5 a new group of the same ID does not own the blocks of the old one', async () => {
      const { probe, userBlocks, site } = await open();
      const first = await probe({ group: 1 });
      await first.allocate('KEPT', 8, await first.key('k'));
      await site.killGroup(1);
      const second = await probe({ group: 1 });
      await second.allocate('TIED', 8, await second.groupKey());
      await site.killGroup(1);
      expect(userBlocks()).toEqual(['KEPT']);
    });

    it('2.5 a plain process has no group to tie a block to', async () => {
      const { probe } = await open();
      const plain = await probe({ restartable: false });
      expect((await plain.allocate('TIED', 8, await plain.groupKey())).status).toBe(K_EPRIV);
    });
  });

  describe('2.6 ownership', () => {
    it('2.6 a block does not vanish with its creator, whatever way it ends', async () => {
      const { probe, userBlocks, site } = await open();
      const ends: readonly [name: string, end: (calls: ProbeCalls) => Promise<unknown>][] = [
        ['AFTER_EXIT', (calls) => calls.process.call('quit', [0])],
        ['AFTER_TRAP', (calls) => calls.process.call('trap')],
        ['AFTER_KILL', (calls) => site.akill(calls.process.pid)],
      ];
      for (const [name, end] of ends) {
        const plain = await probe({ restartable: false });
        await plain.allocate(name, 8);
        await end(plain).catch(() => undefined);
        await plain.process.exited;
        expect(userBlocks()).toContain(name);
      }
      expect(site.pmstat().every((row) => row.mappings === 0)).toBe(true);
    });

    it('2.6 any process of the same credentials may free a block, and its present users keep their bytes', async () => {
      const { probe, userBlocks, site } = await open();
      const [user, freer] = [await probe({ group: 1 }), await probe({ group: 2 })];
      const { address } = await user.allocate('USED', 8);
      await user.poke(address, 33);
      expect(await freer.free('USED')).toBe(K_OK);
      expect(userBlocks()).toEqual([]);
      // Its pages are not another's while it is still mapped.
      const { usedBytes } = site.report().bank;
      const other = await freer.allocate('OTHER', 8);
      await freer.poke(other.address, 44);
      expect(await user.peek(address)).toBe(33);
      expect(site.report().bank.usedBytes).toBeGreaterThan(usedBytes);
    });

    it('2.6 the pages of a freed block come back when its last user has ended', async () => {
      const { probe, site } = await open();
      const freer = await probe({ group: 2 });
      const before = site.report().bank.usedBytes;
      const user = await probe({ group: 2 });
      await user.allocate('USED', 64 * 1024);
      await freer.free('USED');
      await user.process.call('quitCleanly', [0]).catch(() => undefined);
      await until('the pages are back', () => site.report().bank.usedBytes === before);
    });
  });

  describe('2.7 sharing', () => {
    const stranger = { credentials: { uid: 7, gid: 7 } };
    const owner = { group: 1, credentials: { uid: 5, gid: 5 } };

    it('2.7 within a group each sees what the other stores', async () => {
      const { probe } = await open();
      const [writer, reader] = [await probe({ group: 1 }), await probe({ group: 1 })];
      const written = await writer.allocate('SHARED', 8);
      const read = await reader.allocate('SHARED', 8);
      for (const value of [1, 2, 3]) {
        await writer.poke(written.address, value);
        expect(await reader.peek(read.address)).toBe(value);
        await reader.poke(read.address + 4, value * 10);
        expect(await writer.peek(written.address + 4)).toBe(value * 10);
      }
    });

    it('2.7 across groups only matching credentials reach a block (12, sharing)', async () => {
      const { probe } = await open();
      const creator = await probe(owner);
      await creator.allocate('OWNED', 8);
      const same = await probe({ ...owner, group: 2 });
      expect((await same.allocate('OWNED', 8)).status).toBe(K_OK);
      const other = await probe({ ...stranger, group: 3 });
      expect(await other.allocate('OWNED', 8)).toEqual({ status: K_EPRIV, address: -1 });
      expect(await other.free('OWNED')).toBe(K_EPRIV);
      expect(await other.freeAll(await other.key('test key'))).toBe(K_EPRIV);
      const trusted = await probe({ group: 4, credentials: { uid: 7, gid: 7, trusted: true } });
      expect((await trusted.allocate('OWNED', 8)).status).toBe(K_OK);
      expect(await trusted.free('OWNED')).toBe(K_OK);
    });

    it('2.7 within a group credentials do not matter (12, sharing)', async () => {
      const { probe } = await open();
      const creator = await probe(owner);
      await creator.allocate('OWNED', 8);
      const member = await probe({ ...stranger, group: 1 });
      expect((await member.allocate('OWNED', 8)).status).toBe(K_OK);
    });

    it("2.7 freeing by key leaves a stranger's blocks of the same key alone", async () => {
      const { probe, userBlocks } = await open();
      const creator = await probe(owner);
      await creator.allocate('OWNED', 8, await creator.key('common'));
      const other = await probe({ ...stranger, group: 2 });
      await other.allocate('STRANGE', 8, await other.key('common'));
      expect(await other.freeAll(await other.key('common'))).toBe(K_OK);
      expect(userBlocks()).toEqual(['OWNED']);
    });

    it('2.7 a stranger learns no more than that a name is taken', async () => {
      const { probe } = await open();
      const creator = await probe(owner);
      await creator.allocate('OWNED', 8);
      const other = await probe({ ...stranger, group: 2 });
      const tooLarge = await other.allocate('OWNED', MiB);
      const wrongKey = await other.allocate('OWNED', 8, await other.key('wrong'));
      expect([tooLarge.status, wrongKey.status]).toEqual([K_EPRIV, K_EPRIV]);
      expect((await creator.allocate('OWNED', MiB)).status).toBe(K_EINVAL);
      expect(await other.free('UNHEARD_OF')).toBe(K_EUNKNOWN);
    });
  });
});
