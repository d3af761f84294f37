// Runs a small guest of its own once in a worker that is idle, since code runs slowly for the first time: a process that comes back in a
// new thread would wait for milliseconds. It must not touch the bank, nor ask anything of the main thread.
import { encodeImageHead } from '../image/image-codec.ts';
import { WASM_PAGE_SIZE } from '../limits.ts';
import { type BankHandle, BankView } from '../memory/bank-view.ts';
import { Guest } from './guest.ts';
import type { GuestProgram } from './program.ts';
import type { HostServices } from './services.ts';
import { systemCircumstances } from './system-circumstances.ts';

/** One page of linear memory, `memory`, and an entry that does nothing, `_initialize`. */
const MODULE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x05, 0x03, 0x01, 0x00, 0x01],
  ...[0x07, 0x18, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00],
  ...[0x0b, 0x5f, 0x69, 0x6e, 0x69, 0x74, 0x69, 0x61, 0x6c, 0x69, 0x7a, 0x65, 0x00, 0x00],
  ...[0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b],
);

function program(): GuestProgram {
  return {
    processName: 'rehearsal',
    module: new WebAssembly.Module(MODULE),
    layout: {
      functionImports: [],
      functionExports: [],
      memories: [{ exportName: 'memory', initialPages: 1, maximumPages: 1 }],
      linearMemory: 0,
      globals: [],
      tables: [],
      segments: [],
      functionTable: null,
      start: null,
      stackPointer: null,
      randomSeeded: null,
    },
    entryKind: 'reactor',
    firstStackPointer: null,
    args: [],
    env: [],
    hostFunctions: [],
    importsUrl: null,
    alwaysFresh: false,
    mounts: [],
    descriptors: 'restored',
    terminals: { stdin: false, stdout: false, stderr: false },
  };
}

/** `handle`: of the bank whose backend is rehearsed; nothing of its content is. */
export function rehearse({ backend, fd }: BankHandle, services: HostServices): void {
  const head = encodeImageHead({
    generation: 0,
    memories: [{ memoryBytes: WASM_PAGE_SIZE, storedBytes: 0 }],
    memoryChecksum: 0,
    state: { globals: [], tables: [], dropped: [] },
    blocks: [],
    wasi: new Uint8Array(0),
  });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  new Uint8Array(memory.buffer).set(head);
  // So small a memory is copied, never mapped: the file is not touched.
  using bank = new BankView({ backend, memory, fd: backend === 'mapped' ? fd : null });
  using guest = new Guest({
    program: program(),
    bank,
    services,
    embedder: () => ({}),
    circumstances: systemCircumstances,
    exchanging: (exchange) => exchange(),
  });
  const image = { generation: 0, offset: 0, headBytes: head.byteLength };
  guest.load(image, [], 0);
  guest.load(image, [], 0);
  guest.start({ kind: 'entry' });
}
