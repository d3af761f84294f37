// Any sequence of calls on the manager against a model of plain lists. fast-check prints the seed of a sequence that fails.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { K_EINVAL, K_ENOMEM, K_EPRIV, K_EUNKNOWN, K_OK } from '#abi/errors.js';
import { HR_GROUP_KEY } from '#abi/pmm.js';
import { BANK_PAGE_SIZE as PAGE } from '#runtime/limits.js';
import { Bank } from '#runtime/memory/bank.js';
import { type BlockClient, PersistentMemoryManager } from '#runtime/memory/persistent-memory-manager.js';

const BANK_PAGES = 256;
const MAX_BLOCKS = 4;
const NAMES = ['A', 'B', 'C', 'D', 'E'] as const;
const KEYS = ['X', 'Y', HR_GROUP_KEY] as const;

/** Two groups, two users and a plain process: every relation access depends on. */
const CLIENTS: readonly BlockClient[] = (
  [
    [1, 100],
    [1, 200],
    [2, 100],
    [2, 300],
    [null, 300],
  ] as const
).map(([serial, uid], index) => ({
  processName: `process-${index}`,
  pid: index,
  credentials: { uid, gid: 1, groups: [], trusted: false },
  group: serial === null ? null : { id: serial, serial },
}));

interface ModelBlock {
  readonly name: string;
  readonly key: string;
  readonly pages: number;
  readonly creator: BlockClient;
  readonly pids: Set<number>;
  live: boolean;
}

class Model {
  blocks: ModelBlock[] = [];

  get live(): ModelBlock[] {
    return this.blocks.filter((block) => block.live);
  }

  get usedPages(): number {
    return this.blocks.reduce((sum, block) => sum + block.pages, 0);
  }

  mayAccess(client: BlockClient, { creator }: ModelBlock): boolean {
    const sameGroup = client.group !== null && client.group.serial === creator.group?.serial;
    return sameGroup || client.credentials.uid === creator.credentials.uid;
  }

  allocate(client: BlockClient, name: string, pages: number, key: string): number {
    if (key === HR_GROUP_KEY && client.group === null) return K_EPRIV;
    const existing = this.live.find((block) => block.name === name);
    if (existing !== undefined) {
      if (!this.mayAccess(client, existing)) return K_EPRIV;
      if (pages > existing.pages || key !== existing.key) return K_EINVAL;
      existing.pids.add(client.pid);
      return K_OK;
    }
    if (pages === 0) return K_EINVAL;
    if (this.live.length >= MAX_BLOCKS || this.usedPages + pages > BANK_PAGES) return K_ENOMEM;
    this.blocks.push({ name, key, pages, creator: client, pids: new Set([client.pid]), live: true });
    return K_OK;
  }

  free(client: BlockClient, name: string): number {
    const block = this.live.find((candidate) => candidate.name === name);
    if (block === undefined) return K_EUNKNOWN;
    if (!this.mayAccess(client, block)) return K_EPRIV;
    this.end([block]);
    return K_OK;
  }

  freeAll(client: BlockClient, key: string): number {
    if (key === HR_GROUP_KEY) return K_EPRIV;
    const tagged = this.live.filter((block) => block.key === key);
    const reachable = tagged.filter((block) => this.mayAccess(client, block));
    this.end(reachable);
    if (tagged.length === 0) return K_EUNKNOWN;
    return reachable.length === 0 ? K_EPRIV : K_OK;
  }

  freeGroup(serial: number): void {
    this.end(
      this.live.filter(({ key, creator }) => key === HR_GROUP_KEY && creator.group?.serial === serial),
    );
  }

  release(pid: number): void {
    for (const block of this.blocks) block.pids.delete(pid);
    this.end([]);
  }

  /** Ends the blocks, and forgets those that ended and are mapped by nobody. */
  end(ended: readonly ModelBlock[]): void {
    for (const block of ended) block.live = false;
    this.blocks = this.blocks.filter((block) => block.live || block.pids.size > 0);
  }
}

type Step = (pmm: PersistentMemoryManager, model: Model) => void;
const client = fc.constantFrom(...CLIENTS);
const name = fc.constantFrom(...NAMES);
const key = fc.constantFrom(...KEYS);
const bytes = (text: string): Uint8Array => Buffer.from(text);

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(client, name, fc.constantFrom(0, 1, 2, BANK_PAGES + 1), key).map(allocateStep),
  },
  { weight: 2, arbitrary: fc.tuple(client, name).map(freeStep) },
  { weight: 1, arbitrary: fc.tuple(client, key).map(freeAllStep) },
  { weight: 2, arbitrary: client.map(releaseStep) },
  { weight: 1, arbitrary: fc.constantFrom(1, 2).map(freeGroupStep) },
);

function allocateStep([caller, block, pages, deletionKey]: [BlockClient, string, number, string]): Step {
  return (pmm, model) => {
    const result = pmm.allocate(caller, { medium: 'RAM', name: block }, pages * PAGE, bytes(deletionKey));
    expect(result.status).toBe(model.allocate(caller, block, pages, deletionKey));
    expect(result.block !== null).toBe(result.status === K_OK);
  };
}

function freeStep([caller, block]: [BlockClient, string]): Step {
  return (pmm, model) =>
    expect(pmm.free(caller, { medium: 'RAM', name: block })).toBe(model.free(caller, block));
}

function freeAllStep([caller, deletionKey]: [BlockClient, string]): Step {
  return (pmm, model) =>
    expect(pmm.freeAll(caller, bytes(deletionKey))).toBe(model.freeAll(caller, deletionKey));
}

function releaseStep({ pid }: BlockClient): Step {
  return (pmm, model) => {
    pmm.release(pid);
    model.release(pid);
  };
}

function freeGroupStep(serial: number): Step {
  return (pmm, model) => {
    pmm.freeGroup(serial);
    model.freeGroup(serial);
  };
}

test('the manager agrees with its model over any sequence of calls', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const bank = Bank.create({ backend: 'copied', sizeBytes: BANK_PAGES * PAGE });
      const pmm = new PersistentMemoryManager(bank, { maxBlocks: MAX_BLOCKS });
      const model = new Model();
      for (const step of steps) {
        step(pmm, model);
        expect(pmm.usage()).toMatchObject({ blocks: model.live.length, usedBytes: model.usedPages * PAGE });
        expect(pmm.list().map((row) => [row.name, row.mappings])).toEqual(
          model.live.map((block) => [block.name, block.pids.size]),
        );
      }
      for (const { pid } of CLIENTS) pmm.release(pid);
      for (const row of pmm.list()) {
        const trusted = { uid: 0, gid: 0, groups: [], trusted: true };
        pmm.free(
          { processName: '', pid: 99, credentials: trusted, group: null },
          { medium: 'RAM', name: row.name },
        );
      }
      expect(bank.freeBytes).toBe(bank.sizeBytes);
      bank[Symbol.dispose]();
    }),
    { numRuns: 200 },
  );
});
