// What the prebuilt guests are made from, and how: sources, commands, and a digest of both that tells whether a module that is stored here
// belongs to its sources. It must not run anything: build.mjs does, and a test compares digests.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const DIRECTORY = dirname(fileURLToPath(import.meta.url));

/** Where what is said of each stored module lies: digests of its sources and of itself, and the toolchain that made it. */
export const DIGESTS = join(DIRECTORY, 'digests.json');

/**
 * By name of the guest: the files it is made from, the directory its command runs in, the command (to which the path of the module is
 * added), its surroundings, and the command that tells the toolchain's version. Paths are relative to this directory.
 */
export const RECIPES = {
  'visits-rust': {
    sources: ['visits-rust.rs'],
    directory: '.',
    command: [
      'rustc',
      'visits-rust.rs',
      '--edition=2021',
      '--target=wasm32-wasip1',
      '--crate-type=cdylib',
      '-Copt-level=s',
      '-Cpanic=abort',
      '-Cstrip=debuginfo',
      '-Clto',
      '-Ccodegen-units=1',
      '-Clink-arg=--export=__stack_pointer',
      '-Clink-arg=-zstack-size=65536',
      '-o',
    ],
    environment: {},
    version: ['rustc', '--version'],
  },
  'visits-go': {
    sources: ['visits-go/blocks.go', 'visits-go/go.mod', 'visits-go/main.go', 'visits-go/memory.s'],
    directory: 'visits-go',
    command: [
      'go',
      'build',
      '-buildmode=c-shared',
      '-trimpath',
      '-buildvcs=false',
      '-ldflags=-s -w -checklinkname=0',
      '-o',
    ],
    environment: { GOOS: 'wasip1', GOARCH: 'wasm' },
    version: ['go', 'version'],
  },
};

export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The digest of all that a guest is made from. */
export async function sourceDigest(name) {
  const { sources, directory, command, environment } = RECIPES[name];
  const contents = await Promise.all(sources.map((source) => readFile(join(DIRECTORY, source), 'utf8')));
  return sha256(JSON.stringify([sources, contents, directory, command, environment]));
}
