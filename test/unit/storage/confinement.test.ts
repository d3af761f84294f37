// Nothing outside stable storage is ever read: for any string as a path, and while components are exchanged under the reader.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { DESCRIPTOR_LINKS } from '#runtime/storage/opened-file.js';
import { StableStorage } from '#runtime/storage/stable-storage.js';
import { anyText } from '#test/support/any-text.js';
import { SECRET, storageFixture } from './storage-fixture.js';

const SEED = 20260103;
const INSIDE = 'inside of stable storage';

/** What a read of `path` gives: text, or the code of its error. */
function outcome(storage: StableStorage, path: string): string {
  try {
    return Buffer.from(storage.read(path).bytes).toString();
  } catch (thrown) {
    if (thrown instanceof RekindleError) return thrown.code;
    throw thrown;
  }
}

it('reads no file outside, whatever the path, links outward included', () => {
  using fixture = storageFixture();
  fixture.put('a/b/c.wasm', INSIDE);
  fixture.put('c.wasm', INSIDE);
  const links: readonly (readonly [path: string, target: string])[] = [
    ['out', fixture.outside],
    ['a/out', '../../outside'],
    ['a/up', '..'],
    ['up', '..'],
    ['root', '/'],
    ['secret.wasm', join(fixture.outside, 'secret.wasm')],
    ['a/in', 'b'],
  ];
  for (const [path, target] of links) symlinkSync(target, join(fixture.inside, path));
  const storage = new StableStorage(fixture.inside, { maxModuleBytes: 10_000 });

  const component = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom(
        'a',
        'b',
        'in',
        'out',
        'up',
        'root',
        'c.wasm',
        'secret.wasm',
        'inside',
        'outside',
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '..',
        '.',
        '',
        '/',
        fixture.outside,
        fixture.inside,
        'etc',
        'passwd',
        'proc',
        'self',
      ),
    },
    { weight: 1, arbitrary: anyText({ maxLength: 6 }) },
  );
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(component, { maxLength: 6 }),
      fc.constantFrom('/', '/', '/', '\\', '//'),
      (components, separator) => {
        const result = outcome(storage, components.join(separator));
        seen.add(result);
        expect([INSIDE, 'MODULE_PATH_REFUSED', 'MODULE_NOT_FOUND']).toContain(result);
      },
    ),
    { seed: SEED, numRuns: 3000 },
  );
  expect([...seen].sort()).toEqual(['MODULE_NOT_FOUND', 'MODULE_PATH_REFUSED', INSIDE].sort());
});

// Exchanges the directory `component` for a link to the outside and back, without pause, until told to stop. The two names are
// exchanged by renaming, so that a reader finds the one or the other, or for a moment nothing.
const EXCHANGER = `
  const { renameSync } = require('node:fs');
  const { workerData } = require('node:worker_threads');
  const { component, directory, link, stop } = workerData;
  const flag = new Int32Array(stop);
  while (Atomics.load(flag, 0) === 0) {
    renameSync(component, directory); renameSync(link, component);
    renameSync(component, link); renameSync(directory, component);
  }
`;

it.runIf(DESCRIPTOR_LINKS !== null)(
  'reads no file outside while a directory is exchanged for a link outward and back',
  async () => {
    using fixture = storageFixture();
    const names = { component: 'dir', directory: 'dir.real', link: 'dir.link' };
    mkdirSync(join(fixture.inside, names.component));
    writeFileSync(join(fixture.inside, names.component, 'secret.wasm'), INSIDE);
    symlinkSync(fixture.outside, join(fixture.inside, names.link));
    const stop = new SharedArrayBuffer(4);
    const worker = new Worker(EXCHANGER, {
      eval: true,
      workerData: {
        component: join(fixture.inside, names.component),
        directory: join(fixture.inside, names.directory),
        link: join(fixture.inside, names.link),
        stop,
      },
    });
    const ended = new Promise<void>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', () => resolve());
    });
    await new Promise<void>((resolve) => worker.once('online', () => resolve()));
    const storage = new StableStorage(fixture.inside, { maxModuleBytes: 10_000 });
    const counts = new Map<string, number>();
    for (let round = 0; round < 20_000; round += 1) {
      const result = outcome(storage, 'dir/secret.wasm');
      counts.set(result, (counts.get(result) ?? 0) + 1);
    }
    Atomics.store(new Int32Array(stop), 0, 1);
    await ended;
    expect(counts.get(SECRET)).toBeUndefined();
    expect([...counts.keys()].filter((result) => result !== INSIDE && !result.startsWith('MODULE_'))).toEqual(
      [],
    );
    renameSync(join(fixture.inside, names.link), join(fixture.inside, 'last.link'));
    expect(outcome(storage, 'dir/secret.wasm')).toBe(INSIDE);
    expect(outcome(storage, 'last.link/secret.wasm')).toBe('MODULE_PATH_REFUSED');
  },
);
