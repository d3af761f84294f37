// Opens and shuts down a site on one bank again and again, in a process of its own, and prints what the host held at three moments.
// Arguments: directory of the bank, stable storage, backend, placement, openings.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { openSite } from '#runtime/index.js';
import { type HostResources, hostResources } from '#test/support/host-resources.js';
import { BANK_BYTES, MEMBER } from './reopen-kit.js';

export interface ResourceFigures {
  readonly beforeOpening: Counted;
  /** After the first opening: what the engine and the library keep for good is there. */
  readonly warm: Counted;
  readonly afterAll: Counted;
}

export type Counted = Pick<HostResources, 'threads' | 'descriptors' | 'bankMappings'> & {
  readonly files: readonly string[];
};

const [bank = '', stableStorage = '', backend = '', placement = '', openings = ''] = process.argv.slice(2);
assert.ok(backend === 'mapped' || backend === 'copied');
assert.ok(placement === 'inline' || placement === 'thread');

async function counted(): Promise<Counted> {
  const { threads, descriptors, bankMappings } = await hostResources();
  const parent = readdirSync(bank.slice(0, bank.lastIndexOf('/')));
  const files = parent.includes('rekindle-bank') ? readdirSync(bank).sort() : [];
  return { threads, descriptors, bankMappings, files };
}

type Way = { readonly backend: 'mapped' | 'copied'; readonly placement: 'inline' | 'thread' };

async function openOnce(opening: number, { backend, placement }: Way): Promise<void> {
  const site = await openSite({ stableStorage, bank, backend, limits: { bankSizeBytes: BANK_BYTES } });
  const member = site.process('survivor#1') ?? (await site.arun(MEMBER, { group: 1, placement }));
  await member.ready();
  assert.equal(await member.call('countedSoFar'), opening);
  await member.call('count');
  assert.equal(await member.call('allocate', ['BLOCK', 8, 'k']), 0);
  assert.equal(await member.checkpoint(), opening + 1);
  await site.shutdown();
}

const beforeOpening = await counted();
let warm = beforeOpening;
for (let opening = 0; opening < Number(openings); opening += 1) {
  await openOnce(opening, { backend, placement });
  if (opening === 0) warm = await counted();
}
console.log(JSON.stringify({ beforeOpening, warm, afterAll: await counted() }));
