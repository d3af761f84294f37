// Reference, sections 2.1 to 2.4: names, pmmAllocate, pmmFree and pmmFreeAll, as a guest meets them. Each title begins with the row it
// proves. Section 2.8 compares with ordinary regions, which have no counterpart; what it says of blocks is proved by 2.2, 2.5 and 2.6.
import { describe, expect, it } from 'vitest';
import { K_EFAULT, K_EINVAL, K_ENOMEM, K_EPRIV, K_EUNKNOWN, K_OK } from '#abi/errors.js';
import { HR_GROUP_KEY, PMM_DEL_KEY_SIZE, PMM_NAME_SIZE, PMM_PAGE_SIZE } from '#abi/pmm.js';
import type { SiteOptions } from '#runtime/index.js';
import { nameStructure, words } from '#test/support/abi-structures.js';
import { type Key, ProbeCalls } from '#test/support/probe-calls.js';
import { books, openProbeSite } from '#test/support/probe-site.js';
import { MATRIX } from '#test/support/scenario.js';

const MiB = 1024 * 1024;

describe.each(MATRIX)('blocks: $backend, $placement', ({ backend, placement }) => {
  async function open(limits: SiteOptions['limits'] = { bankSizeBytes: 4 * MiB }) {
    const opened = await openProbeSite({ backend, limits });
    const calls = new ProbeCalls(await opened.probe({ placement }));
    const named = (name: string) => opened.site.pmstat().find((row) => row.name === name);
    return { ...opened, site: opened.site, opened, calls, named };
  }

  describe('2.1 names', () => {
    const refused: readonly [what: string, structure: Uint8Array, status: number][] = [
      ['another medium', nameStructure('A', 'DISK'), K_EINVAL],
      ['an empty medium', nameStructure('A', ''), K_EINVAL],
      ['a medium without its NUL', nameStructure('A', 'R'.repeat(16)), K_EINVAL],
      ['an empty name', nameStructure(''), K_EINVAL],
      ['a name without its NUL (12 row 5)', nameStructure('n'.repeat(PMM_NAME_SIZE)), K_EINVAL],
      ['a name that is not UTF-8', nameStructure(Uint8Array.of(0xff, 0xfe)), K_EINVAL],
      ["a name of the system's", nameStructure('__SYS:text:probe.wasm'), K_EPRIV],
    ];

    it('2.1 each name that is none gets its KnError from all three calls, and *addr is left alone', async () => {
      const { calls, site } = await open();
      const before = books(site);
      for (const [what, structure, status] of refused) {
        expect([what, await calls.allocateNamed(structure, 8)]).toEqual([what, { status, address: -1 }]);
        expect([what, await calls.call('pmmFree', await calls.place(structure))]).toEqual([what, status]);
      }
      expect(books(site)).toEqual(before);
    });

    it('2.1 the longest name fills its field but for the NUL (12 row 5)', async () => {
      const { calls, named } = await open();
      const longest = 'n'.repeat(PMM_NAME_SIZE - 1);
      expect((await calls.allocate(longest, 8)).status).toBe(K_OK);
      expect(named(longest)?.sizeBytes).toBe(PMM_PAGE_SIZE);
    });

    it('2.1 a name identifies one block, whoever asks', async () => {
      const { calls, opened } = await open();
      const other = new ProbeCalls(await opened.probe({ placement }));
      const mine = await calls.allocate('SHARED', 8);
      const theirs = await other.allocate('SHARED', 8);
      await calls.poke(mine.address, 42);
      expect([theirs.status, await other.peek(theirs.address)]).toEqual([K_OK, 42]);
    });

    it('2.1 a name lives exactly as long as its block: freed, it may name another', async () => {
      const { calls, named } = await open();
      const first = await calls.allocate('REUSED', 8);
      await calls.poke(first.address, 42);
      expect(await calls.free('REUSED')).toBe(K_OK);
      expect(named('REUSED')).toBeUndefined();
      const second = await calls.allocate('REUSED', 3 * PMM_PAGE_SIZE, await calls.key('another key'));
      expect(second.status).toBe(K_OK);
      expect(await calls.notZero(second.address, 3 * PMM_PAGE_SIZE)).toBe(0);
    });

    it('2.1 pmm.maxBlocks caps the number of blocks (12 row 2)', async () => {
      const { calls, site } = await open({ bankSizeBytes: 4 * MiB, maxBlocks: 8 });
      const room = 8 - site.report().bank.blocks;
      for (let index = 0; index < room; index += 1) {
        expect((await calls.allocate(`B${index}`, 8)).status).toBe(K_OK);
      }
      const before = books(site);
      expect(await calls.allocate('ONE_MORE', 8)).toEqual({ status: K_ENOMEM, address: -1 });
      expect(books(site)).toEqual(before);
      expect((await calls.allocate('B0', 8)).status).toBe(K_OK);
      expect(await calls.free('B0')).toBe(K_OK);
      expect((await calls.allocate('ONE_MORE', 8)).status).toBe(K_OK);
    });
  });

  describe('2.2 pmmAllocate', () => {
    it('2.2 a fresh block reads as zero, on whole pages, at a page-aligned address (12 row 3)', async () => {
      const { calls, named } = await open();
      for (const [sizeBytes, roundedBytes] of [
        [1, PMM_PAGE_SIZE],
        [PMM_PAGE_SIZE, PMM_PAGE_SIZE],
        [PMM_PAGE_SIZE + 1, 2 * PMM_PAGE_SIZE],
      ] as const) {
        const { status, address } = await calls.allocate(`FRESH${sizeBytes}`, sizeBytes);
        expect([status, address % PMM_PAGE_SIZE]).toEqual([K_OK, 0]);
        expect(named(`FRESH${sizeBytes}`)?.sizeBytes).toBe(roundedBytes);
        expect(await calls.notZero(address, roundedBytes)).toBe(0);
      }
    });

    it('2.2 a fresh block reads as zero even where a freed one was full (12 row 3)', async () => {
      const { calls } = await open();
      const { address } = await calls.allocate('DIRTY', 64 * 1024);
      await calls.process.call('fill', [address, 0xaa, 64 * 1024]);
      expect(await calls.free('DIRTY')).toBe(K_OK);
      const clean = await calls.allocate('CLEAN', 64 * 1024);
      expect(await calls.notZero(clean.address, 64 * 1024)).toBe(0);
    });

    it('2.2 allocate or retrieve: the second call finds the block of the first, at the same address', async () => {
      const { calls } = await open();
      const first = await calls.allocate('FOUND', 100);
      await calls.poke(first.address, 7);
      await calls.call('growPages', 2);
      expect(await calls.allocate('FOUND', 100)).toEqual(first);
      expect(await calls.peek(first.address)).toBe(7);
    });

    const retrievals: readonly [what: string, sizeBytes: number, key: string, status: number][] = [
      ['size 0', 0, 'test key', K_OK],
      ['a smaller size', 10, 'test key', K_OK],
      ['a size that fits the whole pages', PMM_PAGE_SIZE, 'test key', K_OK],
      ['a larger size', PMM_PAGE_SIZE + 1, 'test key', K_EINVAL],
      ['another key', 100, 'other key', K_EINVAL],
      ['a key that only begins alike', 100, 'test', K_EINVAL],
      ['the group key', 100, HR_GROUP_KEY, K_EINVAL],
    ];

    it('2.2 retrieval checks size and key (12 row 3)', async () => {
      const { calls } = await open();
      const { address } = await calls.allocate('STRICT', 100);
      for (const [what, sizeBytes, key, status] of retrievals) {
        const got = await calls.allocate('STRICT', sizeBytes, await calls.key(key));
        expect([what, got]).toEqual([what, { status, address: status === K_OK ? address : -1 }]);
      }
    });

    it('2.2 a block of no size cannot be made', async () => {
      const { calls } = await open();
      expect((await calls.allocate('NOTHING', 0)).status).toBe(K_EINVAL);
    });

    it('2.2 it is open to plain processes too', async () => {
      const { opened } = await open();
      const plain = new ProbeCalls(await opened.probe({ placement, restartable: false }));
      expect((await plain.allocate('PLAIN', 8)).status).toBe(K_OK);
    });

    it('2.2 an argument outside linear memory is K_EFAULT, and nothing is made', async () => {
      const { calls, site } = await open();
      const end = await calls.call('memoryBytes');
      const name = await calls.place(nameStructure('HOSTILE'));
      const out = await calls.place(words(0));
      const { address: key } = await calls.key('k');
      const hostile: readonly [what: string, args: readonly [number, number, number, number, number]][] = [
        ['*addr at the end', [end, name, 8, key, 2]],
        ['*addr across the end', [end - 2, name, 8, key, 2]],
        ['*addr at the top', [0xffffffff, name, 8, key, 2]],
        ['name at the end', [out, end, 8, key, 2]],
        ['name across the end', [out, end - 79, 8, key, 2]],
        ['name at the top', [out, 0xfffffff0, 8, key, 2]],
        ['key at the end', [out, name, 8, end, 2]],
        ['key across the end', [out, name, 8, end - 1, 2]],
        ['key at the top', [out, name, 8, 0xffffffff, 2]],
      ];
      const before = books(site);
      for (const [what, args] of hostile) {
        expect([what, await calls.call('pmmAllocate', ...args)]).toEqual([what, K_EFAULT]);
      }
      expect(books(site)).toEqual(before);
    });

    it('2.2 keys: none, empty, too long and reserved ones are refused; the longest fits (12 row 5)', async () => {
      const { calls } = await open();
      const some = await calls.key(new Uint8Array(PMM_DEL_KEY_SIZE + 1).fill(1));
      const keys: readonly [what: string, key: Key, status: number][] = [
        ['null', { address: 0, sizeBytes: 4 }, K_EINVAL],
        ['empty', { ...some, sizeBytes: 0 }, K_EINVAL],
        ['one byte too long', { ...some, sizeBytes: PMM_DEL_KEY_SIZE + 1 }, K_EINVAL],
        ['a hostile length', { ...some, sizeBytes: 0xffffffff }, K_EINVAL],
        ["the system's", await calls.key('__SYS_OTHER'), K_EPRIV],
        ['the longest', { ...some, sizeBytes: PMM_DEL_KEY_SIZE }, K_OK],
      ];
      for (const [what, key, status] of keys) {
        expect([what, (await calls.allocate('KEYED', 8, key)).status]).toEqual([what, status]);
      }
    });

    it('2.2 a full bank is K_ENOMEM to the caller and nothing to the rest', async () => {
      const { calls, opened, site } = await open({ bankSizeBytes: MiB });
      const other = new ProbeCalls(await opened.probe({ placement }));
      const mine = await other.allocate('MINE', 8);
      await other.poke(mine.address, 5);
      const before = books(site);
      for (const sizeBytes of [2 * MiB, 0x7fffffff, 0xffffffff]) {
        expect(await calls.allocate('TOO_BIG', sizeBytes)).toEqual({ status: K_ENOMEM, address: -1 });
      }
      expect(books(site)).toEqual(before);
      expect(await other.peek(mine.address)).toBe(5);
      expect((await calls.allocate('SMALL', 8)).status).toBe(K_OK);
    });

    it('2.2 no room in linear memory is K_ENOMEM, and the new block is not left behind', async () => {
      const { opened, site } = await open({ bankSizeBytes: 8 * MiB });
      const quota = { placement, memoryQuotaBytes: 16 * 65536 };
      const calls = new ProbeCalls(await opened.probe(quota));
      const key = await calls.key('k');
      const before = books(site);
      expect((await calls.allocate('WIDE', 4 * MiB, key)).status).toBe(K_ENOMEM);
      expect(books(site)).toEqual(before);
      expect((await calls.allocate('WIDE', 8, key)).status).toBe(K_OK);
    });

    it('2.2 no room in linear memory for a block that exists is K_ENOMEM, and the block stays', async () => {
      const { calls, opened, named } = await open({ bankSizeBytes: 8 * MiB });
      const { address } = await calls.allocate('WIDE', 2 * MiB);
      await calls.poke(address, 9);
      const narrow = new ProbeCalls(await opened.probe({ placement, memoryQuotaBytes: 16 * 65536 }));
      expect((await narrow.allocate('WIDE', 0)).status).toBe(K_ENOMEM);
      expect(named('WIDE')?.mappings).toBe(1);
      expect(await calls.peek(address)).toBe(9);
    });

    it('2.2 and 2.9 a block keeps its content through a restart, and tells the first run from the second', async () => {
      const { calls, opened } = await open();
      const first = await calls.allocate('RUNS', 4);
      await calls.poke(first.address, (await calls.peek(first.address)) + 1);
      await calls.process.call('trap').catch(() => undefined);
      await opened.ready(calls.process);
      const second = await calls.allocate('RUNS', 4);
      expect([second.status, second.address % PMM_PAGE_SIZE]).toEqual([K_OK, 0]);
      expect(await calls.peek(second.address)).toBe(1);
    });
  });

  describe('2.3 pmmFree', () => {
    it('2.3 frees at once and for good: unknown from then on, and gone from the caller', async () => {
      const { calls, named, site } = await open();
      const { usedBytes } = site.report().bank;
      const { address } = await calls.allocate('GONE', 8);
      await calls.poke(address, 42);
      expect(await calls.free('GONE')).toBe(K_OK);
      expect(named('GONE')).toBeUndefined();
      expect(site.report().bank.usedBytes).toBe(usedBytes);
      expect(await calls.peek(address)).toBe(0);
      expect(await calls.free('GONE')).toBe(K_EUNKNOWN);
    });

    it('2.3 accepts blocks made with HR_GROUP_KEY', async () => {
      const { calls } = await open();
      expect((await calls.allocate('TIED', 8, await calls.groupKey())).status).toBe(K_OK);
      expect(await calls.free('TIED')).toBe(K_OK);
    });

    it('2.3 a name outside linear memory is K_EFAULT', async () => {
      const { calls } = await open();
      const end = await calls.call('memoryBytes');
      for (const address of [end, end - 79, 0xffffffff]) {
        expect(await calls.call('pmmFree', address)).toBe(K_EFAULT);
      }
    });

    it('2.3 and 2.6 blocks of the system cannot be freed', async () => {
      const { calls, site } = await open();
      const before = books(site);
      const system = site.pmstat().filter((row) => row.system);
      expect(system.length).toBeGreaterThan(0);
      for (const { name } of system) expect([name, await calls.free(name)]).toEqual([name, K_EPRIV]);
      expect(books(site)).toEqual(before);
    });
  });

  describe('2.4 pmmFreeAll', () => {
    it('2.4 frees every block of the key, whoever made it, and no other', async () => {
      const { calls, opened, site } = await open();
      const other = new ProbeCalls(await opened.probe({ placement, group: 3 }));
      await calls.allocate('A', 8, await calls.key('job'));
      await other.allocate('B', 8, await other.key('job'));
      await calls.allocate('C', 8, await calls.key('job 2'));
      expect(await calls.freeAll(await calls.key('job'))).toBe(K_OK);
      expect(site.pmstat().flatMap((row) => (row.system ? [] : [row.name]))).toEqual(['C']);
      expect(await calls.freeAll(await calls.key('job'))).toBe(K_EUNKNOWN);
    });

    it('2.4 refuses null, HR_GROUP_KEY, internal, overlong and hostile keys', async () => {
      const { calls, site } = await open();
      await calls.allocate('TIED', 8, await calls.groupKey());
      const before = books(site);
      const end = await calls.call('memoryBytes');
      const groupKey = await calls.groupKey();
      const keys: readonly [what: string, key: Key, status: number][] = [
        ['null', { address: 0, sizeBytes: 4 }, K_EINVAL],
        ['empty', { address: groupKey.address, sizeBytes: 0 }, K_EINVAL],
        ['the group key', groupKey, K_EPRIV],
        ['the group key without its NUL', { ...groupKey, sizeBytes: groupKey.sizeBytes - 1 }, K_EPRIV],
        ['an internal key', await calls.key('__SYS_IMAGE'), K_EPRIV],
        ['an overlong key', { address: groupKey.address, sizeBytes: PMM_DEL_KEY_SIZE + 1 }, K_EINVAL],
        ['a key nobody used', await calls.key('nobody'), K_EUNKNOWN],
        ['a key across the end', { address: end - 1, sizeBytes: 2 }, K_EFAULT],
        ['a key at the top', { address: 0xffffffff, sizeBytes: 64 }, K_EFAULT],
      ];
      for (const [what, key, status] of keys) {
        expect([what, await calls.freeAll(key)]).toEqual([what, status]);
      }
      expect(books(site)).toEqual(before);
    });
  });
});
