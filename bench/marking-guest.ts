// A guest that marks its own times, made here: just before it traps and first thing at its entry point, through the imports of marks.ts. It
// does as little else as it can.
import { assemble, type Import, ins } from '#test/support/wasm-assembler.js';
import { WASM_PAGE_BYTES } from './resident-guest.ts';

/** What every byte of a filled guest holds after initialisation. */
const FILLING = 1;
/** What `dirty` stores. */
const STORED = 4;

const PAGES = 0;
const STRIDE = 1;
const code = {
  unreachable: [0x00],
  loop: [0x03, 0x40],
  end: [0x0b],
  branch: (depth: number) => [0x0c, depth],
  branchIf: (depth: number) => [0x0d, depth],
  localSet: (index: number) => [0x21, index],
  store8: [0x3a, 0, 0],
  subtract: [0x6b],
  multiply: [0x6c],
  memoryFill: [0xfc, 11, 0],
} as const;

const TYPES = { plain: 0, cause: 1, pages: 2, time: 3 } as const;
const MARKS = ['leave', 'enter', 'leftUs', 'enteredUs', 'awayUs'] as const;

function callMark(name: (typeof MARKS)[number]): readonly number[] {
  return ins.call(MARKS.indexOf(name));
}

/**
 * Exports: the entry points `_initialize`, which fills the memory where `filled`, and `hr_restarted`; `dirty(pages, stride)`, which stores a
 * byte every `stride` bytes; `crash`, which traps; `spin`, which never returns; `leftUs`, `enteredUs` and `awayUs` of marks.ts.
 */
export function markingModule(sizeBytes: number, filled: boolean): Uint8Array<ArrayBuffer> {
  const pages = sizeBytes / WASM_PAGE_BYTES;
  const fill = [...ins.i32Const(0), ...ins.i32Const(FILLING), ...ins.i32Const(sizeBytes), ...code.memoryFill];
  const address = [...ins.localGet(PAGES), ...ins.localGet(STRIDE), ...code.multiply];
  const imports = MARKS.map((name): Import => {
    const type = name.endsWith('Us') ? TYPES.time : TYPES.plain;
    return { module: 'marks', name, kind: 'function', type };
  });
  const functions = {
    _initialize: { type: TYPES.plain, code: [...callMark('enter'), ...(filled ? fill : [])] },
    hr_restarted: { type: TYPES.cause, code: callMark('enter') },
    dirty: {
      type: TYPES.pages,
      code: [
        ...code.loop,
        ...[...ins.localGet(PAGES), ...ins.i32Const(1), ...code.subtract, ...code.localSet(PAGES)],
        ...[...address, ...ins.i32Const(STORED), ...code.store8],
        ...[...ins.localGet(PAGES), ...code.branchIf(0)],
        ...code.end,
      ],
    },
    crash: { type: TYPES.plain, code: [...callMark('leave'), ...code.unreachable] },
    spin: { type: TYPES.plain, code: [...code.loop, ...code.branch(0), ...code.end] },
    leftUs: { type: TYPES.time, code: callMark('leftUs') },
    enteredUs: { type: TYPES.time, code: callMark('enteredUs') },
    awayUs: { type: TYPES.time, code: callMark('awayUs') },
  } as const;
  const exported = Object.keys(functions).map(
    (name, position) => [name, ['function', imports.length + position]] as const,
  );
  return assemble({
    types: [
      [[], []],
      [['i32'], []],
      [['i32', 'i32'], []],
      [[], ['f64']],
    ],
    imports,
    functions: Object.values(functions),
    memories: [{ initial: pages, maximum: pages }],
    exports: { memory: ['memory', 0], ...Object.fromEntries(exported) },
  });
}
