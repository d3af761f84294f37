// A cold start as a program without Rekindle does it: read the module, compile it, instantiate it, initialise it. Imports are stand-ins
// that do as little as the guest gets away with, so that what is measured is never slower for their sake.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const PAGE_SIZE = 65_536;

//  A custom section without meaning:   0 | size 7 | length 2 | 'i' 'd' | four random bytes
const SECTION_HEAD = [0, 7, 2, 0x69, 0x64] as const;

/**
 * The module at `path`, with a section nobody reads that is another in each call: an engine that has compiled the same bytes before, in
 * whichever thread, takes what it has, and that would be no cold start.
 */
function readModule(path: string): Buffer {
  return Buffer.concat([readFileSync(path), Buffer.from(SECTION_HEAD), randomBytes(4)]);
}

/** What stands in for the host: a block is a page of fresh memory, and a child has been spawned when somebody says so. */
function standIns(memory: () => WebAssembly.Memory): WebAssembly.Imports {
  return {
    env: {
      abort: () => {
        throw new Error('the guest gave up');
      },
    },
    hr: { hrfexec: () => 1 },
    pmm: {
      pmmAllocate: (addressPointer: number) => {
        const address = memory().grow(1) * PAGE_SIZE;
        new DataView(memory().buffer).setUint32(addressPointer, address, true);
        return 0;
      },
    },
    wasi_snapshot_preview1: { fd_write: () => 0 },
  };
}

/** Starts the reactor at `path` in this thread; it is ready to be called then. */
export function coldStart(path: string): void {
  const module = new WebAssembly.Module(readModule(path));
  const memory = (): WebAssembly.Memory => {
    const { memory: exported } = instance.exports;
    if (!(exported instanceof WebAssembly.Memory)) throw new Error(`${path} exports no memory`);
    return exported;
  };
  const instance = new WebAssembly.Instance(module, standIns(memory));
  const { _initialize: initialize } = instance.exports;
  if (typeof initialize !== 'function') throw new Error(`${path} is no reactor`);
  initialize();
}
