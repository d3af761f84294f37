// Where the rows take place: directories of modules and other things that leave nothing behind, and what is expected of a process that is
// called. It measures nothing.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Process, RekindleError, type Site } from '#runtime/index.js';

const GUESTS = fileURLToPath(new URL('../../guests/build/', import.meta.url));

/** However often a group restarts, it never climbs the ladder, and never loses its checkpoint. */
export const NEVER_CLIMBS = {
  maxBadness: Number.POSITIVE_INFINITY,
  maxFutileFailures: Number.POSITIVE_INFINITY,
} as const;

/** The modules of one run, as stable storage. */
export class ModuleDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'rekindle-bench-'));
  #unseen = 0;

  /** Path of a sample guest. */
  addSample(name: string): string {
    copyFileSync(join(GUESTS, name), join(this.path, name));
    return join(this.path, name);
  }

  add(name: string, bytes: Uint8Array): string {
    writeFileSync(join(this.path, name), bytes);
    return join(this.path, name);
  }

  /**
   * Path of a module like that at `path` but with other bytes than any before: the engine keeps compiled code by the bytes of the module,
   * so that a cold start of known bytes would not compile.
   */
  addUnseen(path: string): string {
    this.#unseen += 1;
    const customSection = [0, 5, 0, ...Buffer.from(Uint32Array.of(this.#unseen).buffer)];
    return this.add('unseen.wasm', Buffer.concat([readFileSync(path), Uint8Array.from(customSection)]));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What a row has opened, of whatever number: given back last first. */
export class Holdings implements AsyncDisposable {
  readonly #all: AsyncDisposable[] = [];

  add<T extends AsyncDisposable>(one: T): T {
    this.#all.push(one);
    return one;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#all.toReversed()) await one[Symbol.asyncDispose]();
  }
}

/** Resolves at the next restart of a group of this site. */
export function nextRestart(site: Site): Promise<void> {
  return new Promise((resolve) => {
    const listener = (): void => {
      site.off('restarted', listener);
      resolve();
    };
    site.on('restarted', listener);
  });
}

/** Calls an inline process where it must fail; by the time this returns it has been restarted. */
export function expectFaultSync(process: Process, exportName: string): void {
  try {
    process.callSync(exportName);
  } catch (error) {
    requireCode(error, 'GUEST_FAULT');
    return;
  }
  throw new Error(`${exportName} did not fail`);
}

/** Awaits a call that must end with an error of this code. */
export async function expectError(call: Promise<unknown>, code: string): Promise<void> {
  try {
    await call;
  } catch (error) {
    requireCode(error, code);
    return;
  }
  throw new Error(`the call did not end with ${code}`);
}

function requireCode(error: unknown, code: string): void {
  if (!(error instanceof RekindleError && error.code === code)) throw error;
}

/** A benchmark that gets wrong answers quickly is worth nothing. */
export function expectAnswer(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`the guest answered ${String(actual)}, not ${String(expected)}`);
}
