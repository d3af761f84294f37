// The program that is killed: it opens a bank, tells what it finds there, and then puts ten groups under load, or ends everything in
// order. What it tells is out before the next thing is begun: it must never hold a line back, and must never catch what is wrong.
import { statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openSite, type Site } from '#runtime/index.js';
import { encodeLine, GROUP_COUNT, LINES_DESCRIPTOR, type Line, type Orders } from './facts.js';
import { GroupLoad } from './load.js';
import { Random } from './random.js';
import { survey } from './survey.js';

const BANK_SIZE_BYTES = 48 * 2 ** 20;
/** What `stat` counts in. */
const MEDIUM_BLOCK_BYTES = 512;
/** Failures are counted for longer than any of these banks lives, and nothing is made of their number. */
const POLICY = { maxBadness: 10_000, intervalMs: 24 * 3_600_000 };
/** Longest time between two moments at which nothing is under way. */
const MAX_ROUND_MS = 150;

function tell(line: Line): void {
  writeSync(LINES_DESCRIPTOR, encodeLine(line));
}

async function readOrders(): Promise<Orders> {
  for await (const line of createInterface({ input: process.stdin })) return JSON.parse(line) as Orders;
  // Whoever started it has gone.
  process.exit(0);
}

/** Never comes to an end by itself. */
async function load(site: Site, { seed, threadGroups }: Orders): Promise<void> {
  const random = new Random(seed);
  const groups = [...Array(GROUP_COUNT).keys()].map((id) => {
    const placement = id < threadGroups ? 'thread' : 'inline';
    return new GroupLoad(site, { id, placement }, new Random(random.seed()), tell);
  });
  for (const group of groups) await group.adopt();
  for (;;) {
    const untilMs = performance.now() + random.fraction() * MAX_ROUND_MS;
    await Promise.all(groups.map((group) => takeSteps(group, untilMs)));
    // Not while a step is under way: it could end otherwise then.
    if (random.chance(0.5)) {
      await site.restart();
      for (const group of groups) await group.verify();
    }
    site.sync();
  }
}

async function takeSteps(group: GroupLoad, untilMs: number): Promise<void> {
  do {
    await group.step();
    await nextTurn();
  } while (performance.now() < untilMs);
}

async function empty(site: Site, bank: string): Promise<void> {
  for (const { group } of site.report().groups) await site.killGroup(group);
  for (const { name, system } of site.pmstat()) if (!system) site.pmm.free(name);
  const { usedBytes } = site.report().bank;
  await site.shutdown();
  const contentBytesOnMedium = statSync(join(bank, 'content')).blocks * MEDIUM_BLOCK_BYTES;
  tell({ kind: 'emptied', usedBytes, contentBytesOnMedium });
}

async function run(orders: Orders): Promise<void> {
  const { work, bank, stableStorage, backend, sync } = orders;
  tell({ kind: 'opening' });
  const site = await openSite({
    stableStorage,
    backend,
    bank: { path: bank, sync },
    limits: { bankSizeBytes: BANK_SIZE_BYTES },
    policy: POLICY,
    warmWorkers: 0,
    sysadm: 'ignore',
    output: ({ bytes }) => process.stderr.write(bytes),
  });
  tell({ kind: 'found', found: await survey(site) });
  await (work === 'load' ? load(site, orders) : empty(site, bank));
}

try {
  await run(await readOrders());
} catch (error) {
  tell({ kind: 'wrong', what: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exit(1);
}
// Standard input would keep it alive.
process.exit(0);
