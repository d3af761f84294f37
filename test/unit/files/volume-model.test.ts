// Volumes against the plain model: any operations, by two guests that have the same volume mounted, with openings of the bank in between.
// Both must refuse the same with the same number, and hold the same in the end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VolumeFileSystem } from '#runtime/files/volume-file-system.js';
import { ENOENT, FileError } from '#runtime/wasi/errno.js';
import type { OpenDirectory, OpenFile } from '#runtime/wasi/file-system.js';
import { PAGE, PLACES, refusal, VolumeFixture } from './volume-fixture.js';
import { type ModelDirectory, type ModelFile, resized, VolumeModel, written } from './volume-model.js';

const RUNS = 60;
const GUESTS = 2;

const name = fc.constantFrom('a', 'b', 'c', 'é');
const path = fc.array(name, { maxLength: 2 });
const position = fc.oneof(fc.nat(3 * PAGE), fc.constantFrom(0, PAGE, 5 * PAGE, 40 * PAGE));
const length = fc.oneof(fc.nat(200), fc.constantFrom(0, PAGE, 2 * PAGE + 1, 20 * PAGE));
const file = fc.nat(3);
const guest = fc.nat(GUESTS - 1);

const opening = fc.record({
  kind: fc.constant('open' as const),
  path,
  name,
  exclusive: fc.boolean(),
  truncate: fc.boolean(),
});
const naming = fc.oneof(
  fc.record({ kind: fc.constantFrom('mkdir' as const, 'rmdir' as const, 'unlink' as const), path, name }),
  fc.record({
    kind: fc.constantFrom('rename' as const, 'link' as const),
    path,
    name,
    to: path,
    toName: name,
  }),
  fc.record({ kind: fc.constant('symlink' as const), path, name }),
  fc.record({ kind: fc.constant('readlink' as const), path, name }),
);
const filling = fc.oneof(
  fc.record({ kind: fc.constantFrom('write' as const, 'allocate' as const), file, position, length }),
  fc.record({ kind: fc.constant('append' as const), file, length }),
  fc.record({ kind: fc.constant('resize' as const), file, position }),
  fc.record({ kind: fc.constantFrom('read' as const, 'close' as const), file }),
);
const ending = fc.record({ kind: fc.constantFrom('run-over' as const, 'reopen' as const) });
const operation = fc.oneof(
  { weight: 4, arbitrary: opening },
  { weight: 6, arbitrary: naming },
  { weight: 9, arbitrary: filling },
  { weight: 1, arbitrary: ending },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface Open {
  readonly file: OpenFile;
  readonly model: ModelFile;
  readonly guest: number;
}

class Pair {
  readonly #fixture: VolumeFixture;
  readonly #model = new VolumeModel();
  #mounts: VolumeFileSystem[];
  #open: Open[] = [];
  #stamp = 1;

  constructor(fixture: VolumeFixture) {
    this.#fixture = fixture;
    this.#mounts = this.#mountAll();
  }

  do(step: Operation, by: number): void {
    switch (step.kind) {
      case 'reopen':
        return this.#reopen();
      case 'run-over':
        this.#fixture.volumes.release(by + 1);
        this.#open = this.#open.filter(({ guest: owner }) => owner !== by);
        this.#mounts[by] = this.#fixture.mount(by + 1);
        return;
      case 'write':
      case 'allocate':
      case 'append':
      case 'resize':
      case 'read':
      case 'close':
        return this.#onFile(step);
      default: {
        const opened: Open[] = [];
        const real = refusal(() => this.#onNames(step, by, (each) => opened.push(each)));
        expect([step, real]).toEqual([step, refusal(() => this.#onModel(step, opened))]);
        this.#open.push(...opened);
      }
    }
  }

  check(): void {
    for (const { file: each, model } of this.#open) expect(Buffer.compare(all(each), model.bytes)).toBe(0);
    const mount = this.#mounts[0];
    if (mount !== undefined) compare(mount.openRoot(), this.#model.root);
    const { usedBytes, ofVolumes } = this.#fixture.books;
    expect(ofVolumes).toBe(usedBytes);
  }

  #onNames(step: Operation, by: number, opened: (each: Open) => void): void {
    if (!('path' in step)) return;
    const root = this.#mounts[by]?.openRoot();
    if (root === undefined) throw new FileError(ENOENT);
    const at = down(root, step.path);
    switch (step.kind) {
      case 'open': {
        const { exclusive, truncate } = step;
        const options = { read: true, write: true, create: true, exclusive, truncate };
        const made = at.openFile(step.name, options);
        // The model's file is filled in by the model.
        opened({ file: made, model: { kind: 'regular', bytes: new Uint8Array(), links: 0 }, guest: by });
        return;
      }
      case 'mkdir':
        return at.makeDirectory(step.name);
      case 'rmdir':
        return at.removeDirectory(step.name);
      case 'unlink':
        return at.unlink(step.name);
      case 'symlink':
        return at.symlink('there', step.name);
      case 'readlink':
        expect(at.readlink(step.name)).toBe('there');
        return;
      case 'rename':
        return at.rename(step.name, down(root, step.to), step.toName);
      case 'link':
        return at.link(step.name, down(root, step.to), step.toName);
    }
  }

  #onModel(step: Operation, opened: Open[]): void {
    if (!('path' in step)) return;
    const model = this.#model;
    const at = model.directory(step.path);
    switch (step.kind) {
      case 'open': {
        const found = model.open(at, step.name, step.exclusive, step.truncate);
        const made = opened.pop();
        if (made !== undefined) opened.push({ ...made, model: found });
        return;
      }
      case 'mkdir':
        return model.make(at, step.name, null);
      case 'rmdir':
        return model.removeDirectory(at, step.name);
      case 'unlink':
        return model.unlink(at, step.name);
      case 'symlink':
        return model.make(at, step.name, 'there');
      case 'readlink':
        model.readlink(at, step.name);
        return;
      case 'rename':
        return model.rename(at, step.name, model.directory(step.to), step.toName);
      case 'link':
        return model.link(at, step.name, model.directory(step.to), step.toName);
    }
  }

  #onFile(step: Operation & { readonly file: number }): void {
    const index = this.#open.length === 0 ? -1 : step.file % this.#open.length;
    const found = this.#open[index];
    if (found === undefined) return;
    const { file: each, model } = found;
    switch (step.kind) {
      case 'write': {
        const bytes = this.#bytes(step.length);
        expect(each.write(bytes, step.position)).toBe(bytes.length);
        model.bytes = written(model.bytes, bytes, step.position);
        return;
      }
      case 'append': {
        const bytes = this.#bytes(step.length);
        const endBytes = model.bytes.length + bytes.length;
        expect(each.append(bytes)).toEqual({ writtenBytes: bytes.length, endBytes });
        model.bytes = written(model.bytes, bytes, model.bytes.length);
        return;
      }
      case 'allocate': {
        each.allocate(step.position, step.length);
        model.bytes = resized(model.bytes, Math.max(model.bytes.length, step.position + step.length));
        return;
      }
      case 'resize':
        each.setSize(step.position);
        model.bytes = resized(model.bytes, step.position);
        return;
      case 'read':
        expect(Buffer.compare(all(each), model.bytes)).toBe(0);
        expect(each.stat()).toMatchObject({
          links: BigInt(model.links),
          sizeBytes: BigInt(model.bytes.length),
        });
        return;
      case 'close':
        each.close();
        this.#open.splice(index, 1);
    }
  }

  #reopen(): void {
    if (!this.#fixture.canReopen) return;
    this.#open = [];
    expect(this.#fixture.reopen().losses).toEqual([]);
    this.#mounts = this.#mountAll();
  }

  #mountAll(): VolumeFileSystem[] {
    return Array.from({ length: GUESTS }, (_, index) => this.#fixture.mount(index + 1));
  }

  #bytes(sizeBytes: number): Uint8Array {
    const stamp = this.#stamp++;
    return Uint8Array.from({ length: sizeBytes }, (_, index) => 1 + ((stamp * 31 + index) % 255));
  }
}

function down(root: OpenDirectory, names: readonly string[]): OpenDirectory {
  return names.reduce((at, each) => at.openDirectory(each), root);
}

function all(each: OpenFile): Uint8Array {
  const bytes = new Uint8Array(Number(each.stat().sizeBytes));
  expect(each.read(bytes, 0)).toBe(bytes.length);
  return bytes;
}

function compare(real: OpenDirectory, model: ModelDirectory): void {
  const entries = real.list().map(({ name: bytes, type }) => [Buffer.from(bytes).toString(), type]);
  expect(entries).toEqual([...model.names].map(([each, { kind }]) => [each, kind]));
  for (const [each, node] of model.names) {
    if (node.kind === 'directory') compare(real.openDirectory(each), node);
    else expect(real.lookup(each).links).toBe(BigInt(node.links));
    if (node.kind === 'symlink') expect(real.readlink(each)).toBe(node.content);
    if (node.kind !== 'regular') continue;
    const options = { read: true, write: false, create: false, exclusive: false, truncate: false };
    const opened = real.openFile(each, options);
    expect(Buffer.compare(all(opened), node.bytes)).toBe(0);
    opened.close();
  }
}

describe.each(PLACES)('a volume and its model, $backend, in $in', (place) => {
  it('do the same', () => {
    const steps = fc.array(fc.tuple(operation, guest), { minLength: 1, maxLength: 80, size: 'max' });
    const property = fc.property(steps, (all) => {
      using fixture = new VolumeFixture(place);
      const pair = new Pair(fixture);
      for (const [step, by] of all) {
        pair.do(step, by);
      }
      pair.check();
    });
    fc.assert(property, { numRuns: RUNS });
  });
});
