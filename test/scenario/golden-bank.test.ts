// The banks that each released version has left: this one opens them hot, finds everything in them, and carries on. And what a later
// version might leave: every part of a newer format is refused or lost by name, never misread.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { bump } from '#test/crash/fuzz/specimen-guest.js';
import { readGoldenBanks } from '#test/golden/golden-bank.js';
import { answersOf, BankPlace, type DamagedBank, lossesOf, phasesOf } from '#test/support/damaged-banks.js';
import { BACKENDS, rejection } from '#test/support/scenario.js';

const VERSIONS = ['0.1.0'];
const BLOCKS = ['LEDGER 12288 1', 'POOR 4096 3', 'SCRATCH 4096 1', 'WORK 8192 2'];
const SUPERBLOCK_COPY_BYTES = 4096;
/** Of all of them but the head of an image and a text. */
const VERSION_AT = 8;
const IMAGE_VERSION_AT = 4;

/** Ten for each generation. */
const ANSWERS = {
  varied: { 'steady#1': 30, 'second#2': 20, 'worker#3': 10, 'lonely#6': 30 },
  killed: { 'steady#1': 30, 'second#2': 20, 'worker#3': 10, 'poor#5': 0, 'lonely#6': 20 },
} as const;
const PHASES = {
  varied: ['1 live', '2 live', '3 quarantined', '4 live'],
  killed: ['1 live', '2 live', '3 live', '4 live'],
} as const;

const place = new BankPlace();
afterAll(() => place[Symbol.dispose]());

function goldenBank(version: string, name: 'varied' | 'killed'): DamagedBank {
  const image = readGoldenBanks(version).get(name);
  if (image === undefined) throw new Error(`no golden bank ${name} of ${version}`);
  return place.bank(image);
}

describe.each(VERSIONS)('the golden banks of version %s', (version) => {
  describe.each(BACKENDS)('in backend %s', (backend) => {
    it.each(['varied', 'killed'] as const)('the bank "%s" opens hot with all that is in it', async (name) => {
      const bank = goldenBank(version, name);
      for (const generationsMore of [0, 1]) {
        await using site = await bank.open({ backend });
        expect([site.start, site.losses]).toEqual(['hot', []]);
        const more = (answer: number) => answer + 10 * generationsMore;
        expect(await answersOf(site)).toEqual(
          Object.fromEntries(
            Object.entries(ANSWERS[name]).map(([process, answer]) => [process, more(answer)]),
          ),
        );
        expect(phasesOf(site)).toEqual(PHASES[name]);
        const blocks = site.pmstat().filter(({ system }) => !system);
        expect(blocks.map((row) => `${row.name} ${row.sizeBytes} ${row.group}`).sort()).toEqual(BLOCKS);
        expect(Buffer.from(site.pmm.read('SCRATCH') ?? []).readUInt32LE(0)).toBe(0x600d);
        for (const process of Object.keys(ANSWERS[name]).map((each) => site.process(each))) {
          if (process === null) throw new Error('a process is gone');
          bump(process, 10);
          await process.checkpoint();
        }
      }
    });
  });

  it('is small', () => {
    const path = new URL(`../../../test/golden/banks-${version}.json.gz`, import.meta.url);
    expect(readFileSync(path).length).toBeLessThan(40_000);
  });
});

describe('a bank of an earlier version', () => {
  it('is refused by name, and can be begun anew', async () => {
    const bank = goldenBank('0.1.0', 'varied');
    bank.change('superblock', (bytes) => {
      for (const copy of [0, SUPERBLOCK_COPY_BYTES]) bytes.writeUInt32LE(1, copy + VERSION_AT);
      return bytes;
    });
    expect((await rejection(bank.open())).message).toMatch(
      /^BANK_VERSION: .*superblock: version 1, this is version 4$/,
    );
    await using site = await bank.open({ bank: { path: bank.path, start: 'cold' } });
    expect([site.start, site.aps()]).toEqual(['cold', []]);
  });
});

describe('a bank of a later version', () => {
  const later = (bank: DamagedBank, file: string, ...offsets: readonly number[]): void =>
    bank.change(file, (bytes) => {
      for (const offset of offsets) bytes.writeUInt32LE(bytes.readUInt32LE(offset) + 1, offset);
      return bytes;
    });

  it('has its superblock refused by name, and lost when it is one copy', async () => {
    const bank = goldenBank('0.1.0', 'varied');
    later(bank, 'superblock', SUPERBLOCK_COPY_BYTES + VERSION_AT);
    {
      await using site = await bank.open();
      expect(lossesOf(site)).toEqual(['superblock-copy superblock']);
    }
    later(bank, 'superblock', VERSION_AT, SUPERBLOCK_COPY_BYTES + VERSION_AT);
    expect((await rejection(bank.open())).message).toMatch(
      /^BANK_VERSION: .*superblock: version 5, this is version 4$/,
    );
  });

  it('has its ledger refused by name, and lost when it is one copy', async () => {
    const bank = goldenBank('0.1.0', 'varied');
    later(bank, 'ledger', VERSION_AT);
    {
      await using site = await bank.open();
      expect(lossesOf(site)).toEqual(['ledger-copy first copy']);
    }
    later(bank, 'ledger', VERSION_AT, bank.ledgerBytes + VERSION_AT);
    expect((await rejection(bank.open())).message).toMatch(
      /^BANK_VERSION: .*ledger: version 2, this is version 1$/,
    );
  });

  it('has the text of a module lost by name', async () => {
    const bank = goldenBank('0.1.0', 'varied');
    later(bank, 'content', bank.imageOf('lonely.wasm').text.offset + IMAGE_VERSION_AT);
    await using site = await bank.open();
    expect(lossesOf(site)).toEqual(['process lonely#6', 'process-image lonely.wasm']);
    expect(site.losses.map(({ reason }) => reason)).toContainEqual(
      expect.stringContaining('the version of its text is 4, not 3'),
    );
  });

  it('has a generation lost by name', async () => {
    const bank = goldenBank('0.1.0', 'varied');
    later(bank, 'content', (bank.generationsOf('lonely#6')[0]?.offset ?? 0) + IMAGE_VERSION_AT);
    await using site = await bank.open();
    expect(lossesOf(site)).toEqual(['generation lonely#6, generation 3']);
    expect(site.losses[0]?.reason).toContain('its version is 5, not 4');
    expect(await answersOf(site)).toMatchObject({ 'lonely#6': 20 });
  });
});
