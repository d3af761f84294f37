// The guest whose images lie in the banks that are fuzzed: its memory tells how often it has been bumped, on every page it uses, so
// that an answer shows which generation it comes from. Small, since it is compiled again with every bank that is opened.
import { PMM_DEL_KEY_SIZE, PMM_MEDIUM_SIZE, PMM_NAME_STRUCT_SIZE } from '#abi/pmm.js';
import type { Process } from '#runtime/index.js';
import { assemble, ins } from '#test/support/wasm-assembler.js';

/** Where the count stands, the place that is read last. */
const COUNT_AT = 1024;
const PAGE_BYTES = 4096;
const PATTERN_PAGES = 3;
/** Where calls find their arguments. */
const NAME_AT = 256;
const KEY_AT = 384;
const PATH_AT = 512;
const POINTER_AT = 640;
const WASM_PAGES_FOR_BLOCKS = 16;

/** Where each page that is in use tells the count again. */
const PATTERN: readonly number[] = Array.from(
  { length: PATTERN_PAGES },
  (_, index) => (index + 1) * PAGE_BYTES + 8 * index,
);

/** `pages`: WebAssembly pages it begins with; images of more than four are mapped, not copied. */
export function specimenGuest(pages: number): Uint8Array {
  const countUpAt = (address: number): number[] => [
    ...ins.i32Const(address),
    ...ins.i32Const(COUNT_AT),
    ...ins.i32Load,
    ...ins.i32Const(1),
    ...ins.i32Add,
    ...ins.i32Store,
  ];
  const locals = (count: number): number[] =>
    Array.from({ length: count }, (_, index) => ins.localGet(index)).flat();
  return assemble({
    types: [
      [[], []],
      [[], ['i32']],
      [['i32'], ['i32']],
      [['i32', 'i32'], []],
      [['i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
      [['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
      [['i32'], []],
    ],
    imports: [
      { module: 'pmm', name: 'pmmAllocate', kind: 'function', type: 4 },
      { module: 'hr', name: 'hrfexec', kind: 'function', type: 5 },
      { module: 'hr', name: 'hrExitHdl', kind: 'function', type: 1 },
      { module: 'wasi_snapshot_preview1', name: 'proc_exit', kind: 'function', type: 6 },
    ],
    memories: [{ initial: pages, maximum: pages + WASM_PAGES_FOR_BLOCKS }],
    globals: [{ type: 'i32', mutable: true, initializer: ins.i32Const(0) }],
    functions: [
      { type: 0, code: [] },
      { type: 2, code: [...ins.localGet(0), ...ins.i32Load] },
      { type: 3, code: [...ins.localGet(0), ...ins.localGet(1), ...ins.i32Store] },
      {
        type: 1,
        code: [
          ...PATTERN.flatMap(countUpAt),
          ...countUpAt(COUNT_AT),
          ...ins.i32Const(COUNT_AT),
          ...ins.i32Load,
          ...ins.globalSet(0),
          ...ins.globalGet(0),
        ],
      },
      { type: 4, code: [...locals(5), ...ins.call(0)] },
      { type: 5, code: [...locals(6), ...ins.call(1)] },
      { type: 0, code: [...ins.call(2), ...ins.drop, ...ins.i32Const(0), ...ins.call(3)] },
      { type: 0, code: [0x00] },
      { type: 1, code: ins.globalGet(0) },
    ],
    exports: {
      memory: ['memory', 0],
      _initialize: ['function', 4],
      peek: ['function', 5],
      poke: ['function', 6],
      bump: ['function', 7],
      allocate: ['function', 8],
      spawn: ['function', 9],
      quit: ['function', 10],
      trap: ['function', 11],
      lastBump: ['function', 12],
    },
    data: [
      { offset: ins.i32Const(2048), bytes: [...new TextEncoder().encode('what a specimen begins with')] },
    ],
  });
}

/** What the guest answers when it is asked in every place there is; a text that says so where the places do not agree. */
export function countIn(process: Process): number | string {
  const peek = (address: number): unknown => process.callSync('peek', [address]);
  const answers = [process.callSync('lastBump'), peek(COUNT_AT), ...PATTERN.map(peek)];
  const [first] = answers;
  return typeof first === 'number' && answers.every((answer) => answer === first)
    ? first
    : `a mixture: ${answers.join(' ')}`;
}

export function bump(process: Process, times: number): void {
  for (let round = 0; round < times; round += 1) process.callSync('bump');
}

/** pmmAllocate: the KnError. */
export function tryAllocate(process: Process, name: string, sizeBytes: number, key: string): number {
  placeName(process, name);
  const keyBytes = Buffer.from(`${key}\0`);
  place(process, KEY_AT, keyBytes, PMM_DEL_KEY_SIZE);
  return Number(process.callSync('allocate', [POINTER_AT, NAME_AT, sizeBytes, KEY_AT, keyBytes.length]));
}

/** pmmAllocate; the address of the block. */
export function allocateBlock(process: Process, name: string, sizeBytes: number, key: string): number {
  const status = tryAllocate(process, name, sizeBytes, key);
  if (status !== 0) throw new Error(`no block ${name}: ${status}`);
  return Number(process.callSync('peek', [POINTER_AT]));
}

/** hrfexec without anything but a name and a path. */
export function spawnChild(process: Process, name: string, path: string): void {
  placeName(process, name);
  place(process, PATH_AT, Buffer.from(`${path}\0`), PMM_NAME_STRUCT_SIZE);
  const pid = process.callSync('spawn', [NAME_AT, PATH_AT, 0, 0, 0, 0]);
  if (typeof pid !== 'number' || pid <= 0) throw new Error(`no process ${name}: ${String(pid)}`);
}

function placeName(process: Process, name: string): void {
  const bytes = Buffer.alloc(PMM_NAME_STRUCT_SIZE);
  bytes.write('RAM');
  bytes.write(name, PMM_MEDIUM_SIZE);
  place(process, NAME_AT, bytes, PMM_NAME_STRUCT_SIZE);
}

function place(process: Process, address: number, bytes: Uint8Array, sizeBytes: number): void {
  const padded = Buffer.alloc(sizeBytes);
  padded.set(bytes);
  for (let at = 0; at < sizeBytes; at += 4) process.callSync('poke', [address + at, padded.readInt32LE(at)]);
}
