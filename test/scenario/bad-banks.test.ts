// Every kind of bad bank through the public interface: each is detected and named, and the intact rest of it comes back. The banks are
// those of the fuzzer, whose guests tell which generation they answer from.
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { K_ENOMEM, K_OK } from '#abi/errors.js';
import type { BankFile, BankFiles } from '#runtime/bank/bank-files.js';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';
import { openSite, type Site } from '#runtime/index.js';
import { Site as SiteItself } from '#runtime/site.js';
import { SYSTEM_ENVIRONMENT } from '#runtime/site-environment.js';
import { bump, countIn, specimenGuest, tryAllocate } from '#test/crash/fuzz/specimen-guest.js';
import { makeSpecimens, optionsOf, type Specimens } from '#test/crash/fuzz/specimens.js';
import { answersOf, BankPlace, type DamagedBank, lossesOf, phasesOf } from '#test/support/damaged-banks.js';
import { BACKENDS, inTime, rejection, until } from '#test/support/scenario.js';

const MiB = 1024 * 1024;
const SUPERBLOCK_COPY_BYTES = 4096;
const STRANGER = 65_534;
const isRoot = process.geteuid?.() === 0;
const ALL_ANSWERS = { 'steady#1': 30, 'second#2': 20, 'worker#3': 10, 'lonely#6': 30 };
const ALL_PHASES = ['1 live', '2 live', '3 quarantined', '4 live'];
const ALL_BLOCKS = ['LEDGER', 'POOR', 'SCRATCH', 'WORK'];

const place = new BankPlace();
const scratch = mkdtempSync(join(tmpdir(), 'rekindle-specimens-'));
let specimens: Specimens;

beforeAll(async () => {
  specimens = await makeSpecimens(scratch);
  writeFileSync(join(specimens.storage, 'fresh.wasm'), specimenGuest(5));
});
afterAll(() => {
  place[Symbol.dispose]();
  rmSync(scratch, { recursive: true });
});

function makeBank(name = 'varied'): DamagedBank {
  const specimen = specimens.all.find((each) => each.name === name);
  if (specimen === undefined) throw new Error(`no bank ${name}`);
  return place.bank(specimen.image);
}

function blocksOf(site: Site): readonly string[] {
  return site
    .pmstat()
    .flatMap(({ name, system }) => (system ? [] : [name]))
    .sort();
}

type Refused = readonly [what: string, change: (bank: DamagedBank) => void, refusal: RegExp];

const REFUSED: readonly Refused[] = [
  [
    'a superblock cut short',
    (bank) => truncateSync(bank.at('superblock'), 100),
    /BANK_DAMAGED: .*superblock/,
  ],
  ['an empty superblock', (bank) => truncateSync(bank.at('superblock'), 0), /BANK_FOREIGN: .*superblock/],
  ['no superblock', (bank) => rmSync(bank.at('superblock')), /BANK_DAMAGED: .*superblock is missing/],
  [
    'both copies of the superblock flipped',
    (bank) => bank.flip('superblock', 20, SUPERBLOCK_COPY_BYTES + 20),
    /BANK_DAMAGED: .*neither copy of the superblock is sound/,
  ],
  ['no ledger', (bank) => rmSync(bank.at('ledger')), /BANK_DAMAGED: .*the ledger is missing/],
  ['an empty ledger', (bank) => truncateSync(bank.at('ledger'), 0), /BANK_DAMAGED: .*ledger/],
  ['a ledger cut short', (bank) => truncateSync(bank.at('ledger'), 200), /BANK_DAMAGED: .*ledger/],
  [
    'the same frame flipped in both copies of the ledger',
    (bank) => bank.flip('ledger', 200, bank.ledgerBytes + 200),
    /BANK_DAMAGED: .*at byte 128 of both copies/,
  ],
  ['no content', (bank) => rmSync(bank.at('content')), /BANK_DAMAGED: .*content: the file is missing/],
  [
    'content that is too long',
    (bank) => truncateSync(bank.at('content'), 2 * MiB),
    /BANK_DAMAGED: .*the bank has 1048576/,
  ],
  [
    'a foreign superblock',
    (bank) => bank.change('superblock', (bytes) => bytes.fill('no bank, but a text. ')),
    /BANK_FOREIGN: .*superblock: it does not begin as/,
  ],
  [
    'the ledger of another bank',
    (bank) =>
      bank.change('ledger', () =>
        Buffer.from(specimens.all.find(({ name }) => name === 'sparse')?.image.get('ledger') ?? []),
      ),
    /BANK_FOREIGN: .*the ledger is that of another bank/,
  ],
  [
    'a directory of something else',
    (bank) => {
      for (const name of readdirSync(bank.path)) rmSync(bank.at(name));
      mkdirSync(bank.at('photos'));
    },
    /BANK_FOREIGN: .*'photos' in it is no file of a bank/,
  ],
  [
    'a newer version',
    (bank) =>
      bank.change('superblock', (bytes) => {
        bytes.writeUInt32LE(9, 8);
        bytes.writeUInt32LE(9, SUPERBLOCK_COPY_BYTES + 8);
        return bytes;
      }),
    /BANK_VERSION: .*version 9, this is version 4/,
  ],
  [
    'a directory others may write to',
    (bank) => chmodSync(bank.path, 0o777),
    /BANK_FOREIGN: .*its group or other users may write to it/,
  ],
  [
    'a symbolic link for a ledger',
    (bank) => {
      rmSync(bank.at('ledger'));
      symlinkSync('/etc/hostname', bank.at('ledger'));
    },
    /BANK_FOREIGN: .*ledger: .*a symbolic link/,
  ],
];

describe('a bank that cannot be', () => {
  it.each(REFUSED)('%s is refused by name, and nothing changes in it', async (_, change, refusal) => {
    const bank = makeBank();
    change(bank);
    const before = readdirSync(bank.path).filter((name) => name !== 'lock');
    expect((await rejection(bank.open())).message).toMatch(refusal);
    expect(readdirSync(bank.path).filter((name) => name !== 'lock')).toEqual(before);
  });

  it.skipIf(!isRoot)('is refused when it is another user’s, all of it or a file', async () => {
    for (const path of ['', 'superblock', 'ledger', 'content']) {
      const bank = makeBank();
      chownSync(bank.at(path), STRANGER, STRANGER);
      expect((await rejection(bank.open())).message).toMatch(/^BANK_FOREIGN: .*owned by user 65534, not 0$/);
    }
  });

  // Root may write to whatever it likes: the bank is opened as somebody else.
  it.skipIf(!isRoot)('is refused when it can only be read', async () => {
    const bank = makeBank();
    for (const name of readdirSync(bank.path)) {
      chownSync(bank.at(name), STRANGER, STRANGER);
      chmodSync(bank.at(name), 0o400);
    }
    chownSync(bank.path, STRANGER, STRANGER);
    chmodSync(bank.path, 0o500);
    chmodSync(place.path, 0o711);
    process.seteuid?.(STRANGER);
    try {
      expect((await rejection(bank.open())).message).toMatch(/^BANK_UNAVAILABLE: .*EACCES/);
    } finally {
      process.seteuid?.(0);
    }
  });

  it('is refused to the second of two that race for it', async () => {
    const bank = makeBank();
    const openings = await Promise.allSettled([bank.open(), bank.open(), bank.open()]);
    const sites = openings.flatMap((opening) => (opening.status === 'fulfilled' ? [opening.value] : []));
    const refusals = openings.flatMap((opening) => (opening.status === 'rejected' ? [opening.reason] : []));
    try {
      expect(sites).toHaveLength(1);
      expect(refusals.map(({ code }) => code)).toEqual(['BANK_OWNED', 'BANK_OWNED']);
      expect(refusals[0].message).toContain(`owned by process ${process.pid} `);
    } finally {
      for (const site of sites) await site.shutdown();
    }
    await using again = await bank.open();
    expect(again.losses).toEqual([]);
  });
});

interface Survived {
  readonly what: string;
  readonly change: (bank: DamagedBank) => void;
  readonly losses: readonly string[];
  readonly answers?: Readonly<Record<string, number | undefined>>;
  readonly phases?: readonly string[];
}

const SURVIVED: readonly Survived[] = [
  {
    what: 'one copy of the superblock',
    change: (bank) => bank.flip('superblock', 20),
    losses: ['superblock-copy superblock'],
  },
  {
    what: 'one copy of the ledger',
    change: (bank) => bank.flip('ledger', 200),
    losses: ['ledger-copy first copy'],
  },
  {
    what: 'the second half of the ledger',
    change: (bank) => truncateSync(bank.at('ledger'), bank.ledgerBytes),
    losses: ['ledger-copy second copy'],
  },
  {
    what: 'the end of the content, where nothing is',
    change: (bank) => truncateSync(bank.at('content'), MiB - 8192),
    losses: ['content content'],
  },
  {
    what: 'the newest generation of a process, in its head',
    change: (bank) => bank.flip('content', newestOf(bank, 'lonely#6') + 20),
    losses: ['generation lonely#6, generation 3'],
    answers: { 'lonely#6': 20 },
  },
  {
    what: 'the newest generation of a process, in its memory',
    change: (bank) => bank.flip('content', newestOf(bank, 'steady#1') + 4096 + 1024),
    losses: ['generation steady#1, generation 3'],
    answers: { 'steady#1': 20 },
  },
  {
    what: 'all generations of a process',
    change: (bank) => {
      for (const { offset } of bank.generationsOf('second#2')) bank.flip('content', offset + 20);
    },
    losses: ['generation second#2, generation 1', 'generation second#2, generation 2'],
    answers: { 'second#2': 0 },
  },
  {
    what: 'the process image of one member of a group, and of all of another',
    change: (bank) => bank.flip('content', bank.imageOf('second.wasm').generation0.offset + 30),
    losses: ['process poor#5', 'process second#2', 'process-image second.wasm'],
    answers: { 'second#2': undefined },
  },
  {
    what: 'the text of a module, all that a group is made of',
    change: (bank) => bank.flip('content', bank.imageOf('lonely.wasm').text.offset + 100),
    losses: ['process lonely#6', 'process-image lonely.wasm'],
    answers: { 'lonely#6': undefined },
    phases: ['1 live', '2 live', '3 quarantined', '4 quarantined'],
  },
  {
    what: 'the text of a module that many processes share',
    change: (bank) => bank.flip('content', bank.imageOf('steady.wasm').text.offset + 100),
    losses: [
      'process child',
      'process ended#4',
      'process steady#1',
      'process worker#3',
      'process-image steady.wasm',
    ],
    answers: { 'steady#1': undefined, 'worker#3': undefined },
    phases: ['1 live', '2 quarantined', '3 quarantined', '4 live'],
  },
];

function newestOf(bank: DamagedBank, name: string): number {
  return bank.generationsOf(name)[0]?.offset ?? 0;
}

describe.each(BACKENDS)('damage that costs what it struck and nothing else (%s)', (backend) => {
  it.each(SURVIVED)('$what', async ({ change, losses, answers = {}, phases = ALL_PHASES }) => {
    const bank = makeBank();
    change(bank);
    const expected = Object.entries({ ...ALL_ANSWERS, ...answers }).filter(
      ([, answer]) => answer !== undefined,
    );
    {
      await using site = await bank.open({ backend });
      expect([site.start, lossesOf(site)]).toEqual(['hot', losses]);
      expect(await answersOf(site)).toEqual(Object.fromEntries(expected));
      expect(phasesOf(site)).toEqual(phases);
      expect(blocksOf(site)).toEqual(ALL_BLOCKS);
      expect(Buffer.from(site.pmm.read('SCRATCH') ?? []).readUInt32LE(0)).toBe(0x600d);
    }
    // What was lost has been told, and is no damage any more.
    await using again = await bank.open({ backend });
    expect([again.start, again.losses]).toEqual(['hot', []]);
    expect(await answersOf(again)).toEqual(Object.fromEntries(expected));
    expect(blocksOf(again)).toEqual(ALL_BLOCKS);
  });

  it('a group of which nothing is left says why it is in quarantine, and ends when it is told to', async () => {
    const bank = makeBank();
    bank.flip('content', bank.imageOf('steady.wasm').text.offset + 100);
    await using site = await bank.open({ backend });
    const group = site.report().groups.find((each) => each.group === 2);
    expect(group).toMatchObject({ reason: 'all its processes are lost', members: [] });
    expect(blocksOf(site)).toContain('WORK');
    await site.killGroup(2);
    expect(phasesOf(site)).toEqual(['1 live', '3 quarantined', '4 live']);
  });

  it('a bank that is deleted under a running site is told of once, and the site goes on', async () => {
    const bank = makeBank();
    const reasons: string[] = [];
    const site = await bank.open({ backend });
    site.on('bankLost', ({ reason }) => reasons.push(reason));
    rmSync(bank.path, { recursive: true });
    const steady = site.process('steady#1');
    if (steady === null) throw new Error('no process');
    await steady.ready();
    bump(steady, 10);
    await steady.checkpoint();
    await until('the loss is told', () => reasons.length > 0);
    expect(countIn(steady)).toBe(40);
    expect(tryAllocate(steady, 'LATE', 4096, 'late')).toBe(K_OK);
    await site.killGroup(4);
    await site.restart();
    await steady.ready();
    expect(countIn(steady)).toBe(40);
    expect(site.report().bankPresent).toBe(false);
    await inTime('shutdown', site.shutdown());
    expect(reasons).toEqual(['the bank has been deleted']);
  });

  it('a directory without space is K_ENOMEM to who asks, and the rest goes on', async () => {
    const bank = makeBank();
    const scarce = new ScarceSpace();
    const options = optionsOf(bank.path, specimens.storage, backend);
    const environment = { ...SYSTEM_ENVIRONMENT, openBankFiles: scarce.open };
    const site = await SiteItself.open(options, environment);
    try {
      const [steady, worker] = ['steady#1', 'worker#3'].map((name) => site.process(name));
      if (steady === null || steady === undefined || worker === null || worker === undefined)
        throw new Error('no process');
      await steady.ready();
      await worker.ready();
      scarce.freeBytes = 8192;
      expect(tryAllocate(steady, 'LARGE', 16_384, 'more')).toBe(K_ENOMEM);
      expect(tryAllocate(steady, 'SMALL', 4096, 'more')).toBe(K_OK);
      expect(tryAllocate(steady, 'MEDIUM', 8192, 'more')).toBe(K_ENOMEM);
      bump(worker, 10);
      expect((await rejection(checkpointUntilFull(worker))).code).toBe('BANK_FULL');
      const { generation } = worker;
      expect(countIn(steady)).toBe(30);
      const start = site.arun('fresh.wasm', { group: 9, placement: 'inline' });
      expect((await rejection(start)).code).toBe('BANK_FULL');
      scarce.freeBytes = MiB;
      await worker.checkpoint();
      expect(worker.generation).toBe(generation + 1);
    } finally {
      await site.shutdown();
    }
    await using again = await openSite({ stableStorage: scratch, bank: bank.path, backend, warmWorkers: 0 });
    expect(again.losses).toEqual([]);
    expect(blocksOf(again)).toEqual([...ALL_BLOCKS, 'SMALL'].sort());
  });
});

/** With two generations kept and one spare place none is refused for want of space; a larger image needs a new place. */
async function checkpointUntilFull(process: NonNullable<ReturnType<Site['process']>>): Promise<void> {
  for (let page = 4; page < 8; page += 1) {
    process.callSync('poke', [page * 4096, 1]);
    await process.checkpoint();
  }
}

/** Files of a directory that may be given only so many bytes more. */
class ScarceSpace {
  freeBytes = Number.POSITIVE_INFINITY;

  readonly open = (path: string, options: { readonly sync: boolean }): BankFiles => {
    const files = DirectoryFiles.open(path, options);
    const scarce = <File extends BankFile | null>(file: File): File => {
      if (file === null) return file;
      const { reserve } = Object.getPrototypeOf(file) as BankFile;
      file.reserve = (offset, sizeBytes) => {
        if (sizeBytes > this.freeBytes || !reserve.call(file, offset, sizeBytes)) return false;
        this.freeBytes -= sizeBytes;
        return true;
      };
      return file;
    };
    const { open } = Object.getPrototypeOf(files) as BankFiles;
    files.open = (name) => scarce(open.call(files, name));
    return files;
  };
}
