// The golden banks: what a released version has left on the medium, kept as it was, so that every later one can be tried on it. A file
// is compressed JSON, since banks are mostly empty: {"bank": {"file": "base64"}}.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { BankImage } from '#test/support/memory-files.js';

/** The compiled files lie one directory deeper than the sources. */
const DIRECTORY = fileURLToPath(new URL('../../../test/golden', import.meta.url));

function pathOf(version: string): string {
  return join(DIRECTORY, `banks-${version}.json.gz`);
}

/** The banks of a version, by their names. */
export function readGoldenBanks(version: string): ReadonlyMap<string, BankImage> {
  const banks: Record<string, Record<string, string>> = JSON.parse(
    gunzipSync(readFileSync(pathOf(version))).toString(),
  );
  const imageOf = (files: Record<string, string>): BankImage =>
    new Map(Object.entries(files).map(([name, text]) => [name, new Uint8Array(Buffer.from(text, 'base64'))]));
  return new Map(Object.entries(banks).map(([name, files]) => [name, imageOf(files)]));
}

export function writeGoldenBanks(version: string, banks: ReadonlyMap<string, BankImage>): void {
  const filesOf = (image: BankImage) =>
    Object.fromEntries([...image].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]));
  const all = Object.fromEntries([...banks].map(([name, image]) => [name, filesOf(image)]));
  writeFileSync(pathOf(version), gzipSync(JSON.stringify(all), { level: 9 }));
}
