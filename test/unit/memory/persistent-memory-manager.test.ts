// The manager's rules, one row a case: reference sections 2.1 to 2.7 and section 12, rows 2, 3, 5, 6, 11, 14 and sharing.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { K_EINVAL, K_ENOMEM, K_EPRIV, K_EUNKNOWN, K_OK } from '#abi/errors.js';
import { HR_GROUP_KEY } from '#abi/pmm.js';
import { BANK_PAGE_SIZE as PAGE } from '#runtime/limits.js';
import { Bank } from '#runtime/memory/bank.js';
import type { Credentials } from '#runtime/memory/credentials.js';
import { type BlockClient, PersistentMemoryManager } from '#runtime/memory/persistent-memory-manager.js';

const BANK_BYTES = 1024 * 1024;
const MAX_BLOCKS = 8;

const credentials = (uid: number, gid: number, trusted = false): Credentials => ({
  uid,
  gid,
  groups: [],
  trusted,
});
const client = (pid: number, serial: number | null, who: Credentials): BlockClient => ({
  processName: `process-${pid}`,
  pid,
  credentials: who,
  group: serial === null ? null : { id: serial % 10, serial },
});
const key = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const ram = (name: string) => ({ medium: 'RAM', name });

const KEY = key('KEY\0');
const GROUP_KEY = key(`${HR_GROUP_KEY}\0`);
const CREATOR = client(1, 11, credentials(100, 100));
const SAME_GROUP = client(2, 11, credentials(200, 200));
const SAME_USER = client(3, 12, credentials(100, 100));
const SAME_USER_PLAIN = client(4, null, credentials(100, 100));
const OTHER_GID = client(5, 12, credentials(100, 200));
const REUSED_GROUP_ID = client(6, 21, credentials(300, 300));
const STRANGER = client(7, 12, credentials(300, 300));
const STRANGER_PLAIN = client(8, null, credentials(300, 300));
const TRUSTED = client(9, 12, credentials(300, 300, true));

let bank: Bank;
let pmm: PersistentMemoryManager;

beforeEach(() => {
  bank = Bank.create({ backend: 'copied', sizeBytes: BANK_BYTES });
  pmm = new PersistentMemoryManager(bank, { maxBlocks: MAX_BLOCKS });
});
afterEach(() => {
  bank[Symbol.dispose]();
});

describe('allocating a new block', () => {
  test.each([
    ['one byte', 1, PAGE],
    ['a page', PAGE, PAGE],
    ['a page and a byte', PAGE + 1, 2 * PAGE],
    ['the whole bank', BANK_BYTES, BANK_BYTES],
  ])('%s is whole pages that read as zero', (_what, sizeBytes, extentBytes) => {
    const { status, block, created } = pmm.allocate(CREATOR, ram('A'), sizeBytes, KEY);
    expect({ status, created, extentBytes: block?.extent.sizeBytes }).toEqual({
      status: K_OK,
      created: true,
      extentBytes,
    });
    const bytes = bank.view.bytes(block?.extent.offset ?? -1, extentBytes);
    expect(bytes.every((value) => value === 0)).toBe(true);
  });

  test.each([
    ['another medium', { medium: 'DISK', name: 'A' }, 1, KEY, CREATOR, K_EINVAL],
    ['no medium', { medium: '', name: 'A' }, 1, KEY, CREATOR, K_EINVAL],
    ['an empty name', ram(''), 1, KEY, CREATOR, K_EINVAL],
    ['a name with a NUL', ram('A\0B'), 1, KEY, CREATOR, K_EINVAL],
    ['the longest name', ram('n'.repeat(63)), 1, KEY, CREATOR, K_OK],
    ['a name of 64 bytes', ram('n'.repeat(64)), 1, KEY, CREATOR, K_EINVAL],
    ['a name of 63 characters and more bytes', ram('é'.repeat(63)), 1, KEY, CREATOR, K_EINVAL],
    ['a reserved name', ram('__SYS_A'), 1, KEY, CREATOR, K_EPRIV],
    ['no key', ram('A'), 1, key(''), CREATOR, K_EINVAL],
    ['the longest key', ram('A'), 1, key('k'.repeat(64)), CREATOR, K_OK],
    ['a key of 65 bytes', ram('A'), 1, key('k'.repeat(65)), CREATOR, K_EINVAL],
    ['a system key', ram('A'), 1, key('__SYS_IMAGE'), CREATOR, K_EPRIV],
    ['the group key', ram('A'), 1, GROUP_KEY, CREATOR, K_OK],
    ['the group key without its NUL', ram('A'), 1, key(HR_GROUP_KEY), CREATOR, K_OK],
    ['the group key of a plain process', ram('A'), 1, GROUP_KEY, SAME_USER_PLAIN, K_EPRIV],
    ['a plain process', ram('A'), 1, KEY, SAME_USER_PLAIN, K_OK],
    ['size 0', ram('A'), 0, KEY, CREATOR, K_EINVAL],
    ['a negative size', ram('A'), -1, KEY, CREATOR, K_EINVAL],
    ['half a byte', ram('A'), 0.5, KEY, CREATOR, K_EINVAL],
    ['more than the bank', ram('A'), BANK_BYTES + 1, KEY, CREATOR, K_ENOMEM],
  ])('%s', (_what, name, sizeBytes, keyBytes, who, status) => {
    expect(pmm.allocate(who, name, sizeBytes, keyBytes).status).toBe(status);
    expect(pmm.list().length).toBe(status === K_OK ? 1 : 0);
  });

  test('no more blocks than the limit, system blocks included', () => {
    expect(pmm.allocateSystem('image', 1).kind).toBe('allocated');
    const statuses = Array.from({ length: MAX_BLOCKS }, (_, index) => {
      return pmm.allocate(CREATOR, ram(`B${index}`), 1, KEY).status;
    });
    expect(statuses).toEqual([...new Array<number>(MAX_BLOCKS - 1).fill(K_OK), K_ENOMEM]);
    expect(pmm.allocateSystem('text', 1)).toEqual({ kind: 'refused', reason: 'block-limit' });
    expect(pmm.allocate(CREATOR, ram('B0'), 0, KEY).status).toBe(K_OK);
  });

  test('a full bank is an answer to one caller and nothing to the rest', () => {
    pmm.allocate(CREATOR, ram('A'), BANK_BYTES, KEY);
    expect(pmm.allocate(SAME_GROUP, ram('B'), 1, KEY)).toEqual({
      status: K_ENOMEM,
      block: null,
      created: false,
    });
    expect(pmm.allocateSystem('image', 1)).toEqual({ kind: 'refused', reason: 'bank-full' });
    expect(pmm.allocate(CREATOR, ram('A'), 0, KEY).status).toBe(K_OK);
  });
});

describe('finding a block again', () => {
  test.each([
    ['size 0', 0, KEY, CREATOR, K_OK],
    ['a smaller size', 1, KEY, CREATOR, K_OK],
    ['the whole block', 2 * PAGE, KEY, CREATOR, K_OK],
    ['a larger size', 2 * PAGE + 1, KEY, CREATOR, K_EINVAL],
    ['another key', 1, key('OTHER'), CREATOR, K_EINVAL],
    ['the same key without its NUL', 1, key('KEY'), CREATOR, K_EINVAL],
    ['the group key instead', 1, GROUP_KEY, CREATOR, K_EINVAL],
    ['a member of the group, another user', 1, KEY, SAME_GROUP, K_OK],
    ['the same user in another group', 1, KEY, SAME_USER, K_OK],
    ['the same user, plain', 1, KEY, SAME_USER_PLAIN, K_OK],
    ['the same uid, another gid', 1, KEY, OTHER_GID, K_EPRIV],
    ['a later group of the same ID', 1, KEY, REUSED_GROUP_ID, K_EPRIV],
    ['a stranger', 1, KEY, STRANGER, K_EPRIV],
    ['a plain stranger', 1, KEY, STRANGER_PLAIN, K_EPRIV],
    ['a stranger with another key and size', 99 * PAGE, key('X'), STRANGER, K_EPRIV],
    ['a trusted stranger', 1, KEY, TRUSTED, K_OK],
  ])('%s', (_what, sizeBytes, keyBytes, who, status) => {
    const made = pmm.allocate(CREATOR, ram('A'), PAGE + 1, KEY);
    const found = pmm.allocate(who, ram('A'), sizeBytes, keyBytes);
    expect(found).toEqual({ status, block: status === K_OK ? made.block : null, created: false });
  });

  test('two plain processes of different users do not share by both having no group', () => {
    pmm.allocate(SAME_USER_PLAIN, ram('A'), 1, KEY);
    expect(pmm.allocate(STRANGER_PLAIN, ram('A'), 1, KEY).status).toBe(K_EPRIV);
  });

  test('block names and system block names are separate', () => {
    pmm.allocateSystem('A', 1);
    expect(pmm.allocate(CREATOR, ram('A'), 1, KEY)).toMatchObject({ status: K_OK, created: true });
  });
});

describe('freeing by name', () => {
  test.each([
    ['the creator', CREATOR, ram('A'), K_OK],
    ['a member of the group', SAME_GROUP, ram('A'), K_OK],
    ['the same user', SAME_USER_PLAIN, ram('A'), K_OK],
    ['a trusted stranger', TRUSTED, ram('A'), K_OK],
    ['a stranger', STRANGER, ram('A'), K_EPRIV],
    ['another medium', CREATOR, { medium: 'ROM', name: 'A' }, K_EINVAL],
    ['an empty name', CREATOR, ram(''), K_EINVAL],
    ['an unknown name', CREATOR, ram('B'), K_EUNKNOWN],
    ['a reserved name', CREATOR, ram('__SYS_A'), K_EPRIV],
    ['a system block', TRUSTED, ram('image'), K_EUNKNOWN],
  ])('%s', (_what, who, name, status) => {
    pmm.allocateSystem('image', 1);
    pmm.allocate(CREATOR, ram('A'), 1, KEY);
    expect(pmm.free(who, name)).toBe(status);
    expect(pmm.list().some((row) => row.name === 'A')).toBe(status !== K_OK);
    expect(pmm.list().some((row) => row.name === 'image')).toBe(true);
  });

  test('a block of the group key can be freed one by one', () => {
    pmm.allocate(CREATOR, ram('A'), 1, GROUP_KEY);
    expect(pmm.free(SAME_GROUP, ram('A'))).toBe(K_OK);
  });

  test('the name is gone at once, the pages only when nobody maps them', () => {
    const first = pmm.allocate(CREATOR, ram('A'), 1, KEY);
    pmm.allocate(SAME_GROUP, ram('A'), 0, KEY);
    bank.view.bytes(first.block?.extent.offset ?? -1, 1)[0] = 1;
    pmm.free(CREATOR, ram('A'));
    expect(pmm.usage()).toMatchObject({ blocks: 0, usedBytes: PAGE });

    const second = pmm.allocate(STRANGER, ram('A'), 1, key('OTHER'));
    expect(second).toMatchObject({ status: K_OK, created: true });
    expect(second.block?.blockId).not.toBe(first.block?.blockId);
    expect(second.block?.extent.offset).not.toBe(first.block?.extent.offset);
    expect(pmm.reacquire(CREATOR, first.block?.blockId ?? -1)).toBeNull();

    pmm.release(CREATOR.pid);
    expect(pmm.usage().usedBytes).toBe(2 * PAGE);
    pmm.release(SAME_GROUP.pid);
    expect(pmm.usage().usedBytes).toBe(PAGE);
    const third = pmm.allocate(CREATOR, ram('B'), 1, KEY);
    expect(third.block?.extent).toEqual(first.block?.extent);
    expect(bank.view.bytes(third.block?.extent.offset ?? -1, 1)[0]).toBe(0);
  });
});

describe('freeing by key', () => {
  beforeEach(() => {
    pmm.allocate(CREATOR, ram('A'), 1, KEY);
    pmm.allocate(CREATOR, ram('B'), 1, KEY);
    pmm.allocate(CREATOR, ram('C'), 1, key('OTHER'));
    pmm.allocate(CREATOR, ram('G'), 1, GROUP_KEY);
    pmm.allocate(STRANGER, ram('S'), 1, KEY);
  });

  test.each([
    ['all the caller may reach', CREATOR, KEY, K_OK, ['C', 'G', 'S']],
    ['whoever made them', SAME_GROUP, KEY, K_OK, ['C', 'G', 'S']],
    ['all, by a trusted caller', TRUSTED, KEY, K_OK, ['C', 'G']],
    ['nothing in reach', OTHER_GID, key('OTHER'), K_EPRIV, ['A', 'B', 'C', 'G', 'S']],
    ['no such key', CREATOR, key('NONE'), K_EUNKNOWN, ['A', 'B', 'C', 'G', 'S']],
    ['the group key', CREATOR, GROUP_KEY, K_EPRIV, ['A', 'B', 'C', 'G', 'S']],
    ['a system key', TRUSTED, key('__SYS_IMAGE'), K_EPRIV, ['A', 'B', 'C', 'G', 'S']],
    ['no key', CREATOR, key(''), K_EINVAL, ['A', 'B', 'C', 'G', 'S']],
    ['a key too long', CREATOR, key('k'.repeat(65)), K_EINVAL, ['A', 'B', 'C', 'G', 'S']],
  ])('%s', (_what, who, keyBytes, status, left) => {
    if (who === OTHER_GID) expect(pmm.list().length).toBe(5);
    expect(pmm.freeAll(who, keyBytes)).toBe(status);
    expect(pmm.list().map(({ name }) => name)).toEqual(left);
  });

  test('the end of a group frees its group-key blocks and no others', () => {
    pmm.freeGroup(99);
    pmm.freeGroup(12);
    expect(pmm.list().length).toBe(5);
    pmm.freeGroup(11);
    expect(pmm.list().map(({ name }) => name)).toEqual(['A', 'B', 'C', 'S']);
  });
});

describe('mappings', () => {
  const mappings = () => pmm.list().map((row) => row.mappings);

  test('count processes, not calls, and end with the run', () => {
    const { block } = pmm.allocate(CREATOR, ram('A'), 1, KEY);
    pmm.allocate(CREATOR, ram('A'), 0, KEY);
    pmm.allocate(SAME_GROUP, ram('A'), 0, KEY);
    expect(mappings()).toEqual([2]);
    pmm.releaseOne(CREATOR.pid, block?.blockId ?? -1);
    pmm.releaseOne(CREATOR.pid, block?.blockId ?? -1);
    expect(mappings()).toEqual([1]);
    pmm.release(SAME_GROUP.pid);
    expect(mappings()).toEqual([0]);
    expect(pmm.usage().blocks).toBe(1);
  });

  test('a refused call maps nothing', () => {
    pmm.allocate(CREATOR, ram('A'), 1, KEY);
    pmm.allocate(STRANGER, ram('A'), 1, KEY);
    pmm.allocate(SAME_USER, ram('A'), 1, key('OTHER'));
    expect(mappings()).toEqual([1]);
  });

  test.each([
    ['the run that follows', { ...CREATOR, pid: 50 }, true],
    ['a member of the group', SAME_GROUP, true],
    ['a stranger', STRANGER, false],
  ])('a restored image takes its block up again: %s', (_who, who, allowed) => {
    const { block } = pmm.allocate(CREATOR, ram('A'), 1, KEY);
    pmm.release(CREATOR.pid);
    expect(pmm.reacquire(who, block?.blockId ?? -1)).toEqual(allowed ? block?.extent : null);
    expect(mappings()).toEqual([allowed ? 1 : 0]);
  });

  test('a system block is never taken up by a guest', () => {
    const made = pmm.allocateSystem('image', 1);
    const blockId = made.kind === 'allocated' ? made.block.blockId : -1;
    expect(pmm.reacquire(TRUSTED, blockId)).toBeNull();
  });
});

describe('system blocks, listing and usage', () => {
  test('a system block is freed once, and only as one', () => {
    const made = pmm.allocateSystem('image', PAGE + 1);
    if (made.kind !== 'allocated') throw new Error('the bank is empty');
    expect(made.block).toMatchObject({ name: 'image', extent: { sizeBytes: 2 * PAGE } });
    pmm.freeSystem(made.block);
    expect(bank.freeBytes).toBe(BANK_BYTES);
    expect(() => pmm.freeSystem(made.block)).toThrow('invariant violated');
    const { block } = pmm.allocate(CREATOR, ram('A'), 1, KEY);
    if (block === null) throw new Error('the bank is empty');
    expect(() => pmm.freeSystem({ ...block, name: 'A' })).toThrow('invariant violated');
  });

  test('pmstat: name, size, key, group, owner', () => {
    pmm.allocateSystem('__SYS:image', 1);
    pmm.allocate(CREATOR, ram('A'), PAGE + 1, GROUP_KEY);
    pmm.allocate(SAME_USER_PLAIN, ram('B'), 1, key('K\x01\0'));
    expect(pmm.list()).toEqual([
      { name: '__SYS:image', sizeBytes: PAGE, key: '', group: null, owner: '', system: true, mappings: 0 },
      {
        name: 'A',
        sizeBytes: 2 * PAGE,
        key: HR_GROUP_KEY,
        group: 1,
        owner: 'process-1',
        system: false,
        mappings: 1,
      },
      {
        name: 'B',
        sizeBytes: PAGE,
        key: 'K\\x01',
        group: null,
        owner: 'process-4',
        system: false,
        mappings: 1,
      },
    ]);
    expect(pmm.usage()).toEqual({
      blocks: 3,
      maxBlocks: MAX_BLOCKS,
      usedBytes: 4 * PAGE,
      sizeBytes: BANK_BYTES,
    });
  });
});

describe('appearances in linear memories are bounded', () => {
  test('over all processes; a block that is mapped already may be asked for again', () => {
    const bank = Bank.create({ backend: 'copied', sizeBytes: 1024 * 1024 });
    const pmm = new PersistentMemoryManager(bank, { maxBlocks: 100, maxMappings: 3 });
    const ask = (pid: number, name: string): number =>
      pmm.allocate(
        {
          processName: `p${pid}`,
          pid,
          credentials: { uid: 0, gid: 0, groups: [], trusted: false },
          group: null,
        },
        { medium: 'RAM', name },
        4096,
        new TextEncoder().encode('key'),
      ).status;
    expect([ask(1, 'a'), ask(1, 'b'), ask(2, 'a'), ask(2, 'b'), ask(1, 'c'), ask(1, 'a')]).toEqual([
      K_OK,
      K_OK,
      K_OK,
      K_ENOMEM,
      K_ENOMEM,
      K_OK,
    ]);
    pmm.release(1);
    expect(ask(2, 'b')).toBe(K_OK);
    bank[Symbol.dispose]();
  });
});
