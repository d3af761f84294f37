// The modules that the rewriter's fuzzer begins with: those that tests are written around, every guest that is built, and made-up ones. They are
// in the same order every time, or a seed would mean nothing.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { specimenGuest } from '#test/crash/fuzz/specimen-guest.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import { assemble } from '#test/support/wasm-assembler.js';
import { DAMAGED_SEEDS } from '#test/unit/image/damaged-seeds.js';

const GUESTS = fileURLToPath(new URL('../../../../guests/build', import.meta.url));
const NAMES = ['probe', 'probe-command', 'survivor'];

export interface Specimens {
  /** Of a few hundred bytes each. */
  readonly small: readonly Uint8Array[];
  /** As compilers make them. */
  readonly compiled: readonly Uint8Array[];
}

export async function specimens(): Promise<Specimens> {
  const built = readdirSync(GUESTS)
    .filter((name) => name.endsWith('.wasm'))
    .sort();
  const paths = [
    ...built.map((name) => join(GUESTS, name)),
    ...NAMES.map((name) => join(TEST_GUESTS, `${name}.wasm`)),
  ];
  return {
    small: [...DAMAGED_SEEDS, specimenGuest(1), assemble({ memories: [{ initial: 1 }] })],
    compiled: paths.map((path) => new Uint8Array(readFileSync(path))),
  };
}
