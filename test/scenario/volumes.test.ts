// Volumes through the interface of a site: the host fills them and looks into them, and they come back with the bank. What is refused is
// refused by name.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BankDirectory } from '#runtime/bank/bank-directory.js';
import { DEFAULT_LIMITS, openSite, RekindleError, type Site, type SiteOptions } from '#runtime/index.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rekindle-volumes-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function open(options: Partial<SiteOptions> = {}): Promise<Site> {
  return openSite({ stableStorage: root, bank: join(root, 'bank'), warmWorkers: 0, ...options });
}

function codeOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    if (error instanceof RekindleError) return error.code;
    throw error;
  }
}

describe.each(['mapped', 'copied'] as const)('volumes of a site, %s', (backend) => {
  it('come back with the bank, and go when they are removed', async () => {
    const first = await open({ backend });
    first.volumes.write('data', 'etc/motd', bytes('hello'));
    first.volumes.write('data', 'etc/motd', bytes('hello again'));
    first.volumes.write('data', 'large', new Uint8Array(300_000).fill(7));
    first.volumes.write('other', 'x', bytes(''));
    await first.shutdown();

    const second = await open({ backend });
    expect([second.start, second.losses]).toEqual(['hot', []]);
    expect(Buffer.from(second.volumes.read('data', 'etc/motd') ?? []).toString()).toBe('hello again');
    expect(second.volumes.read('data', 'large')?.every((byte) => byte === 7)).toBe(true);
    expect(second.volumes.entries('data')).toEqual([
      { name: 'etc', type: 'directory', sizeBytes: 0 },
      { name: 'large', type: 'regular', sizeBytes: 300_000 },
    ]);
    expect(second.volumes.list()).toMatchObject([
      { name: 'data', files: 3, mounts: 0 },
      { name: 'other', files: 1 },
    ]);
    expect(second.report().volumes).toEqual(second.volumes.list());
    expect(second.volumes.remove('data')).toBe(true);
    expect(second.volumes.remove('data')).toBe(false);
    expect(second.volumes.read('data', 'large')).toBeNull();
    await second.shutdown();

    const third = await open({ backend });
    expect(third.volumes.list().map(({ name }) => name)).toEqual(['other']);
    expect(third.report().bank.usedBytes).toBe(third.volumes.list()[0]?.sizeBytes);
    await third.shutdown();
    expect(codeOf(() => third.volumes.read('other', 'x'))).toBe('SITE_CLOSED');
  });
});

describe('volumes of a site', () => {
  it('refuse what cannot be, and leave all as it was', async () => {
    const site = await openSite({
      stableStorage: root,
      warmWorkers: 0,
      limits: { volumeQuotaBytes: 128 * 1024 },
    });
    site.volumes.write('v', 'd/f', bytes('kept'));
    const refused: readonly (readonly [string, () => unknown])[] = [
      ['NAME_INVALID', () => site.volumes.write('', 'f', bytes(''))],
      ['NAME_INVALID', () => site.volumes.write('.v', 'f', bytes(''))],
      ['NAME_INVALID', () => site.volumes.read('a/b', 'f')],
      ['NAME_INVALID', () => site.volumes.remove('v'.repeat(65))],
      ['NAME_INVALID', () => site.volumes.entries(undefined as never)],
      ['NAME_INVALID', () => site.volumes.remove(Object.create(null) as never)],
      ['OPTION_INVALID', () => site.volumes.write('v', '\ud800', bytes(''))],
      ['OPTION_INVALID', () => site.volumes.write('v', '../f', bytes(''))],
      ['OPTION_INVALID', () => site.volumes.write('v', '/f', bytes(''))],
      ['OPTION_INVALID', () => site.volumes.write('v', '', bytes(''))],
      ['OPTION_INVALID', () => site.volumes.write('v', 'a//b', bytes(''))],
      ['OPTION_INVALID', () => site.volumes.write('v', 'n'.repeat(256), bytes(''))],
      ['OPTION_INVALID', () => site.volumes.write('v', 7 as never, bytes(''))],
      ['OPTION_INVALID', () => site.volumes.write('v', 'd', bytes(''))],
      ['OPTION_INVALID', () => site.volumes.write('v', 'd/f/below', bytes(''))],
      ['OPTION_INVALID', () => site.volumes.write('v', 'f', 'text' as never)],
      ['OPTION_INVALID', () => site.volumes.entries('v', 'd/.')],
      ['VOLUME_LIMIT', () => site.volumes.write('v', 'd/f', new Uint8Array(200_000))],
    ];
    for (const [code, action] of refused)
      expect([action.toString(), codeOf(action)]).toEqual([action.toString(), code]);
    expect(site.volumes.read('v', 'none')).toBeNull();
    expect(site.volumes.read('v', 'd')).toBeNull();
    expect(site.volumes.entries('v', 'd/f')).toBeNull();
    expect(site.volumes.entries('none')).toBeNull();
    expect(Buffer.from(site.volumes.read('v', 'd/f') ?? []).toString()).toBe('kept');
    expect(site.volumes.list()).toMatchObject([{ name: 'v', files: 2 }]);
    await site.shutdown();
  });

  it('are bounded in number', async () => {
    const site = await open();
    for (let index = 0; index < 256; index += 1) site.volumes.write(`v${index}`, 'f', bytes(''));
    expect(codeOf(() => site.volumes.write('more', 'f', bytes('')))).toBe('VOLUME_LIMIT');
    site.volumes.remove('v0');
    site.volumes.write('more', 'f', bytes(''));
    await site.shutdown();
  });

  it.each([
    ['a number', (id: number) => ({ [`file/${id}/2`]: { kind: 'regular', slot: 'x', extents: [] } })],
    ['a slot of another', (id: number) => ({ [`file/${id}/2`]: { kind: 'regular', slot: 0, extents: [] } })],
    ['a slot outside', (id: number) => ({ [`file/${id}/2`]: { kind: 'regular', slot: 999, extents: [] } })],
    ['a kind', (id: number) => ({ [`file/${id}/2`]: { kind: 'socket', slot: 1 } })],
    [
      'an extent of its table',
      (id: number) => ({
        [`file/${id}/2`]: {
          kind: 'regular',
          slot: 1,
          extents: [{ position: 0, offset: 0, sizeBytes: 4096 }],
        },
      }),
    ],
    ['a name without a file', (id: number) => ({ [`name/${id}/1/lost`]: 99 })],
    ['a name in a file', (id: number) => ({ [`name/${id}/2/below`]: 2 })],
    ['a name that is none', (id: number) => ({ [`name/${id}/1/a/b`]: 2 })],
    ['a volume that there is not', () => ({ 'file/99/2': { kind: 'directory', slot: 1 } })],
    [
      'two volumes of one number',
      (id: number) => ({ 'volume/w': { number: id, table: [{ offset: 8192, sizeBytes: 4096 }] } }),
    ],
    ['a directory nowhere', (id: number) => ({ [`file/${id}/3`]: { kind: 'directory', slot: 2 } })],
    [
      'directories in one another',
      (id: number) => ({
        [`file/${id}/3`]: { kind: 'directory', slot: 2 },
        [`name/${id}/1/a`]: 3,
        [`name/${id}/3/b`]: 3,
      }),
    ],
    ['a volume without a table', () => ({ 'volume/w': { number: 7, table: [] } })],
    ['a next number', () => ({ 'next-volume': 'x' })],
  ])('are not opened with %s that contradicts the rest', async (_, records) => {
    const site = await open();
    site.volumes.write('v', 'f', bytes('x'));
    await site.shutdown();
    changeLedger(join(root, 'bank'), records(1));
    await expect(open()).rejects.toMatchObject({ code: 'BANK_DAMAGED' });
  });
});

function changeLedger(path: string, records: Readonly<Record<string, unknown>>): void {
  using directory = BankDirectory.open({
    path,
    sizeBytes: DEFAULT_LIMITS.bankSizeBytes,
    start: 'hot',
    sync: 'none',
    owner: { pid: process.pid, startedAt: '', program: 'test' },
    newBankId: () => new Uint8Array(16),
    nowMs: () => 0,
    lost: () => undefined,
  });
  directory.ledger.commit(Object.entries(records).map(([key, value]) => ({ key, value: value as never })));
}
