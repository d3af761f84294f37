// Banks for tests to damage, in directories of their own: where an image, a generation or a copy lies in the files, and a byte of it that
// is not what it was. Nothing is left behind when the test file ends.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSite, type Site, type SiteOptions } from '#runtime/index.js';
import { LedgerModel } from '#test/crash/fuzz/ledger-model.js';
import { countIn } from '#test/crash/fuzz/specimen-guest.js';
import type { BankImage } from './memory-files.js';

interface Extent {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A directory for banks, gone when it is disposed. */
export class BankPlace implements Disposable {
  /** Banks may be put into it, and anything else. */
  readonly path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rekindle-banks-'));
  #count = 0;

  /** A new bank with these files. */
  bank(image: BankImage): DamagedBank {
    this.#count += 1;
    const path = join(this.path, `bank-${this.#count}`);
    mkdirSync(path, { mode: 0o700 });
    for (const [name, bytes] of image) writeFileSync(join(path, name), bytes, { mode: 0o600 });
    return new DamagedBank(path);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class DamagedBank {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** Changes a file's bytes. */
  change(name: string, change: (bytes: Buffer) => Buffer | undefined): void {
    const bytes = readFileSync(this.at(name));
    writeFileSync(this.at(name), change(bytes) ?? bytes);
  }

  flip(name: string, ...offsets: readonly number[]): void {
    this.change(name, (bytes) => {
      for (const offset of offsets) bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x10, offset);
      return bytes;
    });
  }

  /** Of one copy of the ledger. */
  get ledgerBytes(): number {
    return this.#ledger().capacityBytes;
  }

  /** Where the text and the generation 0 of a module lie in the content. */
  imageOf(path: string): { readonly text: Extent; readonly generation0: Extent } {
    for (const [key, value] of this.#ledger().stateWithout(0)) {
      const image = value as never as { path: string; text: Extent; generation0: Extent };
      if (key.startsWith('image/') && image.path === path) return image;
    }
    throw new Error(`no image of ${path}`);
  }

  /** Where the generations of a process lie, the newest first. */
  generationsOf(name: string): readonly (Extent & { readonly generation: number })[] {
    const value = this.#ledger().stateWithout(0).get(`generations/${name}`) as never as
      | { kept: (Extent & { generation: number })[] }
      | undefined;
    return value?.kept ?? [];
  }

  open(more: Partial<SiteOptions> = {}): Promise<Site> {
    return openSite({
      stableStorage: this.path,
      bank: this.path,
      warmWorkers: 0,
      sysadm: 'ignore',
      output: () => undefined,
      ...more,
    });
  }

  #ledger(): LedgerModel {
    return new LedgerModel(readFileSync(this.at('ledger')));
  }
}

/** What every process that can be called answers, by name. */
export async function answersOf(site: Site): Promise<Record<string, number | string>> {
  const answers: Record<string, number | string> = {};
  for (const { name, state } of site.aps()) {
    const process = site.process(name);
    if (process === null || (state !== 'ready' && state !== 'running')) continue;
    await process.ready();
    answers[name] = countIn(process);
  }
  return answers;
}

/** `group phase` of each. */
export function phasesOf(site: Site): readonly string[] {
  return site.report().groups.map(({ group, phase }) => `${group} ${phase}`);
}

/** `kind name` of each, sorted. */
export function lossesOf(site: Site): readonly string[] {
  return site.losses.map(({ kind, name }) => `${kind} ${name}`).sort();
}
