// What is around a fuzzed guest: a volume and a directory it may write to, made anew for each case, one it may only read, and beside them what it
// must never see. Everything of the host lies in one directory, and the host itself changes nothing while a case runs.
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeFifo } from '#test/support/fifo.js';
import { FuzzedVolumes } from './volumes.js';

/** In the content and in the names of what lies outside. */
const SECRET = 'REKINDLE-SECRET';
const FOREIGN = [Buffer.from(SECRET), Buffer.from('root:x:0:0')];

export class World {
  readonly readOnly: string;
  readonly readWrite: string;
  readonly volumes = new FuzzedVolumes();
  readonly #outside: string;
  readonly #untouched: string;

  constructor(place: string) {
    const root = mkdtempSync(join(place, 'wasi-'));
    this.#outside = join(root, 'outside');
    this.readOnly = join(root, 'read-only');
    this.readWrite = join(root, 'read-write');
    mkdirSync(this.#outside);
    writeFileSync(join(this.#outside, 'secret'), `${SECRET}\n`);
    writeFileSync(join(this.#outside, SECRET), `${SECRET}\n`);
    mkdirSync(join(this.readOnly, 'dir'), { recursive: true });
    this.#furnish(this.readOnly);
    makeFifo(join(this.readOnly, 'fifo'));
    this.#untouched = this.#snapshot();
  }

  /** The directory that can be written to, as every case finds it. */
  renew(): void {
    rmSync(this.readWrite, { recursive: true, force: true });
    mkdirSync(join(this.readWrite, 'dir'), { recursive: true });
    this.#furnish(this.readWrite);
    this.volumes.renew();
  }

  /** Whether what no guest may change is as it was. */
  isUntouched(): boolean {
    return this.#snapshot() === this.#untouched;
  }

  /** Whether these bytes have something in them that no guest may see. */
  isSeenIn(memory: Uint8Array): boolean {
    const bytes = Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength);
    return FOREIGN.some((foreign) => bytes.includes(foreign));
  }

  #furnish(directory: string): void {
    writeFileSync(join(directory, 'file'), 'a file that is there from the start');
    writeFileSync(join(directory, 'dir', 'file'), 'another one');
    symlinkSync('../outside', join(directory, 'escape'));
    symlinkSync(join(this.#outside, 'secret'), join(directory, 'absolute'));
    symlinkSync('loop', join(directory, 'loop'));
    symlinkSync('dir/file', join(directory, 'link'));
  }

  #snapshot(): string {
    return JSON.stringify([this.#outside, this.readOnly].map(treeOf));
  }
}

/** But for the times of access. */
function treeOf(path: string): unknown {
  const { mode, nlink, size, mtimeMs, ctimeMs, ino } = lstatSync(path);
  const common = { mode, nlink, size, mtimeMs, ctimeMs, ino };
  const stat = lstatSync(path);
  if (stat.isDirectory())
    return {
      common,
      entries: readdirSync(path)
        .sort()
        .map((name) => [name, treeOf(join(path, name))]),
    };
  return stat.isFile() ? { common, content: readFileSync(path, 'latin1') } : { common };
}
