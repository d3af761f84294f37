// A bank in its directory: made, opened again, begun anew; every kind of bad input refused by name or survived with a named loss; and
// nothing left open, locked or removed by a refusal.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BankDirectory } from '#runtime/bank/bank-directory.js';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';
import { makeFifo } from '#test/support/fifo.js';
import {
  BANK_PARTS,
  bankOptions,
  LOST,
  makeBank,
  OwnerProcess,
  PLACES,
  refusalOf,
  SIZE_BYTES,
  TemporaryDirectory,
} from './bank-fixture.js';

const isRoot = process.geteuid?.() === 0;
const SUPERBLOCK_COPY_BYTES = 4096;

type Refused = readonly [what: string, change: (at: (name: string) => string) => void, refusal: string];

function flipByte(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

function openDescriptors(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}

describe.each(PLACES)('a bank in %s', (place) => {
  it('is made, and found again as it was left', () => {
    using directory = new TemporaryDirectory(place);
    const before = openDescriptors();
    {
      using bank = BankDirectory.open(bankOptions(directory.at('bank')));
      expect([bank.isNew, bank.sizeBytes, bank.content.sizeBytes(), bank.losses]).toEqual([
        true,
        SIZE_BYTES,
        SIZE_BYTES,
        [],
      ]);
      expect(readdirSync(bank.path).sort()).toEqual(BANK_PARTS);
      bank.ledger.commit([{ key: 'group/1', value: 'kept' }]);
      bank.content.write(new Uint8Array([42]), 4096);
    }
    {
      using bank = BankDirectory.open(bankOptions(directory.at('bank'), { sizeBytes: 2 * SIZE_BYTES }));
      expect([bank.isNew, bank.sizeBytes, bank.ledger.get('group/1'), bank.losses]).toEqual([
        false,
        SIZE_BYTES,
        'kept',
        [],
      ]);
      expect([...bank.content.read(4095, 3)]).toEqual([0, 42, 0]);
      expect(bank.isPresent()).toBe(true);
    }
    expect(openDescriptors()).toBe(before);
  });

  it('goes to the medium at commit when it is told to, or there is one', () => {
    using directory = new TemporaryDirectory(place);
    const isInMemory = place === '/dev/shm';
    for (const [sync, expected] of [
      ['auto', !isInMemory],
      ['commit', true],
      ['none', false],
    ] as const) {
      const asked: boolean[] = [];
      using bank = BankDirectory.open(bankOptions(directory.at('bank'), { sync }), (path, options) => {
        asked.push(options.sync);
        return DirectoryFiles.open(path, options);
      });
      expect([bank.synchronous, asked]).toEqual([expected, [expected]]);
    }
  });

  it('is owned by one, and a second is told by whom', async () => {
    using directory = new TemporaryDirectory(place);
    makeBank(directory.path);
    await using owner = new OwnerProcess(directory.path);
    expect(await owner.answer).toBe('owned');
    const open = () => BankDirectory.open(bankOptions(directory.path, { start: 'cold' }));
    expect(refusalOf(directory.path, open)).toContain(`BANK_OWNED: <path>: owned by process ${owner.pid} `);
    await owner.kill();
    using bank = BankDirectory.open(bankOptions(directory.path));
    expect(bank.ledger.get('group/1')).toBe('kept');
  });
});

describe('a cold start', () => {
  const BANKS: readonly (readonly [what: string, change: (at: (name: string) => string) => void])[] = [
    ['a whole bank', () => undefined],
    [
      'a bank whose superblock is damaged',
      (at) => {
        flipByte(at('superblock'), 100);
        flipByte(at('superblock'), SUPERBLOCK_COPY_BYTES + 100);
      },
    ],
    ['a bank of another version', (at) => writeVersion(at('superblock'), 5)],
    ['a bank without a ledger', (at) => rmSync(at('ledger'))],
    ['a bank without its content', (at) => rmSync(at('content'))],
    ['what is left of a creation', (at) => rmSync(at('superblock'))],
    ['a bank that its site has lost', (at) => renameSync(at('superblock'), at('superblock.lost'))],
  ];
  it.each(BANKS)('begins %s anew', (_, change) => {
    using directory = new TemporaryDirectory();
    makeBank(directory.path);
    change((name) => directory.at(name));
    const options = bankOptions(directory.path, { start: 'cold', sizeBytes: 2 * SIZE_BYTES });
    {
      using bank = BankDirectory.open(options);
      expect([bank.isNew, bank.sizeBytes, bank.ledger.entries('')]).toEqual([true, 2 * SIZE_BYTES, []]);
      expect([...bank.content.read(4096, 1)]).toEqual([0]);
    }
    using bank = BankDirectory.open(bankOptions(directory.path));
    expect([bank.isNew, bank.sizeBytes, bank.losses]).toEqual([false, 2 * SIZE_BYTES, []]);
    expect(readdirSync(bank.path).sort()).toEqual(BANK_PARTS);
  });

  it.each(['hot', 'cold'] as const)('or a %s one takes nothing away from others', (start) => {
    using directory = new TemporaryDirectory();
    writeFileSync(directory.at('thesis.txt'), 'years of work');
    const open = () => BankDirectory.open(bankOptions(directory.path, { start }));
    expect(refusalOf(directory.path, open)).toBe(
      "BANK_FOREIGN: <path>: 'thesis.txt' in it is no file of a bank",
    );
    expect(readdirSync(directory.path)).toEqual(['thesis.txt']);
  });

  it('of a bank with a foreign file in it is refused, and the bank is whole', () => {
    using directory = new TemporaryDirectory();
    makeBank(directory.path);
    writeFileSync(directory.at('notes.txt'), '');
    const open = () => BankDirectory.open(bankOptions(directory.path, { start: 'cold' }));
    expect(refusalOf(directory.path, open)).toBe(
      "BANK_FOREIGN: <path>: 'notes.txt' in it is no file of a bank",
    );
    using bank = BankDirectory.open(bankOptions(directory.path));
    expect(bank.ledger.get('group/1')).toBe('kept');
  });
});

function writeVersion(path: string, version: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt32LE(version, 8);
  bytes.writeUInt32LE(version, SUPERBLOCK_COPY_BYTES + 8);
  writeFileSync(path, bytes);
}

describe('bad input', () => {
  const REFUSED: readonly Refused[] = [
    [
      'a superblock of another version',
      (at) => writeVersion(at('superblock'), 5),
      'BANK_VERSION: <path>/superblock: version 5, this is version 4',
    ],
    [
      'a superblock damaged twice',
      (at) => {
        flipByte(at('superblock'), 20);
        flipByte(at('superblock'), SUPERBLOCK_COPY_BYTES + 20);
      },
      'BANK_DAMAGED: <path>/superblock: neither copy of the superblock is sound',
    ],
    [
      'a file that is no superblock',
      (at) => writeFileSync(at('superblock'), 'x'.repeat(9000)),
      'BANK_FOREIGN',
    ],
    ['an empty superblock', (at) => truncateSync(at('superblock')), 'BANK_FOREIGN: <path>/superblock'],
    [
      'a directory in place of the superblock',
      (at) => {
        rmSync(at('superblock'));
        mkdirSync(at('superblock'));
      },
      'BANK_FOREIGN: <path>/superblock',
    ],
    [
      'a link in place of the content',
      (at) => {
        renameSync(at('content'), at('elsewhere'));
        symlinkSync(at('elsewhere'), at('content'));
      },
      'BANK_FOREIGN: <path>/content',
    ],
    [
      'a FIFO in place of the ledger',
      (at) => {
        rmSync(at('ledger'));
        makeFifo(at('ledger'));
      },
      'BANK_FOREIGN: <path>/ledger',
    ],
    [
      'a FIFO in place of the lock',
      (at) => {
        rmSync(at('lock'));
        makeFifo(at('lock'));
      },
      'BANK_FOREIGN: <path>/lock',
    ],
    [
      'no superblock, where the rest is a bank',
      (at) => rmSync(at('superblock')),
      'BANK_DAMAGED: <path>: the superblock is missing',
    ],
    ['a bank that its site has lost', (at) => renameSync(at('superblock'), at('superblock.lost')), LOST],
    [
      'a bank that its site has lost, and whose cold start was cut off at once',
      (at) => {
        renameSync(at('superblock'), at('superblock.lost'));
        writeFileSync(at('superblock.new'), '');
      },
      LOST,
    ],
    ['no content', (at) => rmSync(at('content')), 'BANK_DAMAGED: <path>/content: the file is missing'],
    ['no ledger', (at) => rmSync(at('ledger')), 'BANK_DAMAGED: <path>/ledger'],
    [
      'content that is too long',
      (at) => truncateSync(at('content'), SIZE_BYTES + 1),
      `BANK_DAMAGED: <path>/content: ${SIZE_BYTES + 1} bytes, the bank has ${SIZE_BYTES}`,
    ],
    [
      'a directory that others may write to',
      (at) => chmodSync(at('.'), 0o777),
      'BANK_FOREIGN: <path>: its group or other users may write to it',
    ],
  ];
  const REFUSED_OF_OTHERS: readonly Refused[] = [
    [
      'content of another user',
      (at) => chownSync(at('content'), 1, 1),
      'BANK_FOREIGN: <path>/content: owned by user 1, not 0',
    ],
    [
      'a directory of another user',
      (at) => chownSync(at('.'), 1, 1),
      'BANK_FOREIGN: <path>: owned by user 1, not 0',
    ],
  ];

  it.each(isRoot ? [...REFUSED, ...REFUSED_OF_OTHERS] : REFUSED)(
    '%s is refused by name, and nothing stays open or locked',
    (_, change, refusal) => {
      using directory = new TemporaryDirectory();
      makeBank(directory.path);
      change((name) => directory.at(name));
      const before = openDescriptors();
      const open = () => BankDirectory.open(bankOptions(directory.path));
      expect(refusalOf(directory.path, open)).toContain(refusal);
      // A second refusal for the same reason: the first has not kept the lock.
      expect(refusalOf(directory.path, open)).toContain(refusal);
      expect(openDescriptors()).toBe(before);
    },
  );

  it('a ledger of another bank is refused', () => {
    using directory = new TemporaryDirectory();
    makeBank(directory.at('one'));
    makeBank(directory.at('other'));
    copyFileSync(directory.at('other/ledger'), directory.at('one/ledger'));
    const open = () => BankDirectory.open(bankOptions(directory.at('one')));
    expect(refusalOf(directory.path, open)).toContain('BANK_FOREIGN: <path>/one/ledger');
  });

  it.each([0, 1] as const)(
    'copy %s of the superblock damaged: the other is used and it is made again',
    (copy) => {
      using directory = new TemporaryDirectory();
      makeBank(directory.path);
      const whole = readFileSync(directory.at('superblock'));
      flipByte(directory.at('superblock'), copy * SUPERBLOCK_COPY_BYTES + 40);
      {
        using bank = BankDirectory.open(bankOptions(directory.path));
        const reason = `copy ${copy} was damaged; it has been made again from the other`;
        expect(bank.losses).toEqual([{ kind: 'superblock-copy', name: 'superblock', reason }]);
        expect(bank.ledger.get('group/1')).toBe('kept');
      }
      expect(readFileSync(directory.at('superblock'))).toEqual(whole);
      using bank = BankDirectory.open(bankOptions(directory.path));
      expect(bank.losses).toEqual([]);
    },
  );

  it.each([0, 4097, SIZE_BYTES - 1])('content cut off at %s bytes: the rest is used', (sizeBytes) => {
    using directory = new TemporaryDirectory();
    makeBank(directory.path);
    truncateSync(directory.at('content'), sizeBytes);
    using bank = BankDirectory.open(bankOptions(directory.path));
    const reason = `cut off at ${sizeBytes} of ${SIZE_BYTES} bytes; the rest reads as zero`;
    expect(bank.losses).toEqual([{ kind: 'content', name: 'content', reason }]);
    expect(bank.content.sizeBytes()).toBe(SIZE_BYTES);
    expect([...bank.content.read(4096, 1)]).toEqual([sizeBytes > 4096 ? 42 : 0]);
  });

  it('leftovers beside a whole bank are removed', () => {
    using directory = new TemporaryDirectory();
    makeBank(directory.path);
    writeFileSync(directory.at('superblock.new'), 'half');
    writeFileSync(directory.at('ledger.new'), 'half');
    using bank = BankDirectory.open(bankOptions(directory.path));
    expect([bank.isNew, bank.ledger.get('group/1')]).toEqual([false, 'kept']);
    expect(readdirSync(directory.path).sort()).toEqual(BANK_PARTS);
  });

  it('a size that no bank has is a bug, found before anything but the lock is made', () => {
    using directory = new TemporaryDirectory();
    const open = () => BankDirectory.open(bankOptions(directory.path, { sizeBytes: SIZE_BYTES + 1 }));
    expect(open).toThrow('invariant violated');
    expect(readdirSync(directory.path)).toEqual(['lock']);
    expect(statSync(directory.at('lock')).size).toBe(0);
  });
});
