// A guest that starts a child by hrfexec and notes when it asked for it, made here. The child's name and path are written into it.
import { PMM_MEDIUM_RAM, PMM_MEDIUM_SIZE, PMM_NAME_SIZE } from '#abi/pmm.js';
import { assemble, ins } from '#test/support/wasm-assembler.js';
import { CLOCK, clockAt, I64_LOAD } from './clock-guest.ts';

/** Address of the time at which the child was asked for. */
const ASKED_NS = 16;
/** Address of the child's PmmName, and behind it of its path. */
const NAME = 1024;
const PATH = NAME + PMM_MEDIUM_SIZE + PMM_NAME_SIZE;
const UNREACHABLE = [0x00];

function padded(value: string, sizeBytes: number): number[] {
  return [...Buffer.from(value.padEnd(sizeBytes, '\0'))];
}

/** Exports: `_initialize`, which does nothing; `spawn`: the child's pid, or -errno; `askedNs`: when it was asked for; `crash`, which traps. */
export function spawningModule(childName: string, childPath: string): Uint8Array<ArrayBuffer> {
  const exec = [NAME, PATH, 0, 0, 0, 0].flatMap(ins.i32Const);
  return assemble({
    types: [
      [[], []],
      CLOCK.type,
      [['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32']],
      [[], ['i32']],
      [[], ['i64']],
    ],
    imports: [
      { module: CLOCK.module, name: CLOCK.name, kind: 'function', type: 1 },
      { module: 'hr', name: 'hrfexec', kind: 'function', type: 2 },
    ],
    functions: [
      { type: 0, code: [] },
      { type: 3, code: [...clockAt(ASKED_NS), ...exec, ...ins.call(1)] },
      { type: 4, code: [...ins.i32Const(ASKED_NS), ...I64_LOAD] },
      { type: 0, code: UNREACHABLE },
    ],
    memories: [{ initial: 1, maximum: 1 }],
    exports: {
      memory: ['memory', 0],
      _initialize: ['function', 2],
      spawn: ['function', 3],
      askedNs: ['function', 4],
      crash: ['function', 5],
    },
    data: [
      {
        offset: ins.i32Const(NAME),
        bytes: [
          ...padded(PMM_MEDIUM_RAM, PMM_MEDIUM_SIZE),
          ...padded(childName, PMM_NAME_SIZE),
          ...padded(childPath, childPath.length + 1),
        ],
      },
    ],
  });
}
