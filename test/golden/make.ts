// Makes the golden banks of the version that this is: `npm run build && node dist/test/golden/make.js`, once for each release. It must
// never be run to make a test pass: a golden bank that is made again proves nothing.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeSpecimens } from '#test/crash/fuzz/specimens.js';
import { writeGoldenBanks } from './golden-bank.js';

/** One that was closed and opened before, and one whose site was killed. */
const NAMES: readonly string[] = ['varied', 'killed'];

const { version }: { readonly version: string } = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../package.json', import.meta.url)), 'utf8'),
);
const scratch = mkdtempSync(join(tmpdir(), 'rekindle-golden-'));
try {
  const { all } = await makeSpecimens(scratch);
  const chosen = all.filter(({ name }) => NAMES.includes(name));
  writeGoldenBanks(version, new Map(chosen.map(({ name, image }) => [name, image])));
} finally {
  rmSync(scratch, { recursive: true });
}
