// Host code that serves a guest under a time limit can be cut off at any function call or loop. The watchdog does so for real here, in the
// middle of changes of a volume, and afterwards the books must balance, in memory and in what is written down.
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { runWithTimeLimit } from '#runtime/process/time-limit.js';
import { FileError } from '#runtime/wasi/errno.js';
import type { OpenDirectory, OpenFile } from '#runtime/wasi/file-system.js';
import { PAGE, PLACES, VolumeFixture } from './volume-fixture.js';

const CUTS = 40;
const OPTIONS = { read: true, write: true, create: true, exclusive: false, truncate: false };

/** Every path with what is there. */
function survey(directory: OpenDirectory, path = ''): readonly string[] {
  return directory.list().flatMap(({ name, type }) => {
    const text = Buffer.from(name).toString();
    const here = `${path}/${text}`;
    if (type === 'directory') return [here, ...survey(directory.openDirectory(text), here)];
    if (type === 'symlink') return [`${here} -> ${directory.readlink(text)}`];
    const file = directory.openFile(text, OPTIONS);
    const bytes = new Uint8Array(Number(file.stat().sizeBytes));
    file.read(bytes, 0);
    const { links } = file.stat();
    file.close();
    return [`${here} ${links} ${Buffer.from(bytes).toString('base64')}`];
  });
}

function tolerant(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof FileError) && !(error instanceof RekindleError)) throw error;
  }
}

function churn(fixture: VolumeFixture, from: number): void {
  const root = fixture.mount().openRoot();
  const open: OpenFile[] = [];
  for (let step = from; ; step += 1) {
    const name = `n${step % 5}`;
    const actions: readonly (() => void)[] = [
      () => root.makeDirectory(name),
      () => open.push(root.openFile(name, OPTIONS)),
      () => open[step % open.length]?.append(new Uint8Array(1 + ((step * 997) % (3 * PAGE))).fill(1)),
      () => root.rename(name, root, `n${(step + 2) % 5}`),
      () => open[step % open.length]?.setSize((step * 31) % PAGE),
      () => root.link(name, root, `m${step % 3}`),
      () => root.unlink(`m${step % 3}`),
      () => open.shift()?.close(),
      () => root.symlink('x', name),
      () => (step % 2 === 0 ? root.unlink(name) : root.removeDirectory(name)),
      () => fixture.files.write('v', `h${step % 3}`, new Uint8Array(step % PAGE)),
      () => fixture.files.write('w', 'other', new Uint8Array(2 * PAGE)),
      () => fixture.volumes.remove('w'),
      () => {
        const other = fixture.mount(2).openRoot();
        open.push(other.openFile(name, OPTIONS));
        tolerant(() => other.unlink(name));
        fixture.volumes.release(2);
      },
    ];
    const action = actions[(step * 7) % actions.length];
    if (action !== undefined) tolerant(action);
  }
}

describe.each(PLACES)('a volume cut off in the middle, $backend, in $in', (place) => {
  it('balances again after reconcile, and is written down as it is', () => {
    using fixture = new VolumeFixture(place);
    for (let cut = 0; cut < CUTS; cut += 1) {
      expect(() => runWithTimeLimit(2 + (cut % 3), () => churn(fixture, cut * 13))).toThrow('timed out');
      fixture.bank.reconcile(fixture.volumes.reconcile());
      for (const pid of [1, 2]) fixture.volumes.release(pid);
      const { tree } = fixture.volumes.open('v').books;
      for (const [inode, { kind }] of tree.nodes())
        if (kind === 'regular') expect(tree.placeCount(inode)).toBeGreaterThan(0);
      expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
      const found = survey(fixture.mount(1).openRoot());
      fixture.volumes.release(1);
      if (!fixture.canReopen) continue;
      expect(fixture.reopen().losses).toEqual([]);
      expect(survey(fixture.mount(1).openRoot())).toEqual(found);
      expect(fixture.books.usedBytes).toBe(fixture.books.ofVolumes);
      fixture.volumes.release(1);
    }
  });
});
