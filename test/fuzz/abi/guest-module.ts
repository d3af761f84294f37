// The guest that the ABI is fuzzed with: it exports every import there is, and does nothing by itself. The one it spawns does nothing at all.
import { assemble, type Bytes, ins, type TypeName } from '#test/support/wasm-assembler.js';

interface ImportRow {
  readonly params: readonly TypeName[];
  readonly results: readonly TypeName[];
}

const words = (count: number): TypeName[] => Array<TypeName>(count).fill('i32');
const line: ImportRow = { params: words(1), results: [] };

/** By `module name`, which is what the export is called. */
export const ABI_IMPORTS = {
  'pmm pmmAllocate': { params: words(5), results: words(1) },
  'pmm pmmFree': { params: words(1), results: words(1) },
  'pmm pmmFreeAll': { params: words(2), results: words(1) },
  'hr hrfexec': { params: words(6), results: words(1) },
  'hr hrGetprocessGroup': { params: words(1), results: words(1) },
  'hr hrKillGroup': { params: words(1), results: words(1) },
  'hr hrExitHdl': { params: [], results: words(1) },
  'hr hrCheckpoint': { params: [], results: words(1) },
  'hr agetId': { params: [], results: words(1) },
  'env abort': { params: words(4), results: [] },
  'env trace': { params: [...words(2), ...Array<TypeName>(5).fill('f64')], results: [] },
  'env seed': { params: [], results: ['f64'] },
  'env console.log': line,
  'env console.info': line,
  'env console.debug': line,
  'env console.warn': line,
  'env console.error': line,
  'env console.assert': { params: words(2), results: [] },
  'env Date.now': { params: [], results: ['f64'] },
  'env performance.now': { params: [], results: ['f64'] },
} as const satisfies Readonly<Record<string, ImportRow>>;

export type AbiImport = keyof typeof ABI_IMPORTS;
export const ABI_IMPORT_NAMES = Object.keys(ABI_IMPORTS) as readonly AbiImport[];

export const GUEST_PAGES = 2;
const MAX_PAGES = 14;
const HOOKS = ['before', 'after'] as const;

export function abiGuest(): Uint8Array {
  const rows = Object.entries<ImportRow>(ABI_IMPORTS);
  const functions = rows.map(([, { params }], index) => ({
    type: index + 1,
    code: [
      ...ins.call(0),
      ...params.flatMap((_, position): Bytes => ins.localGet(position)),
      ...ins.call(HOOKS.length + index),
      ...ins.call(1),
    ],
  }));
  const firstBody = HOOKS.length + rows.length;
  return assemble({
    types: [[[], []], ...rows.map(([, { params, results }]) => [params, results] as const)],
    imports: [
      ...HOOKS.map((name) => ({ module: 'fuzz', name, kind: 'function', type: 0 }) as const),
      ...rows.map(([full], index) => {
        const [module = '', name = ''] = full.split(' ');
        return { module, name, kind: 'function', type: index + 1 } as const;
      }),
    ],
    memories: [{ initial: GUEST_PAGES, maximum: MAX_PAGES }],
    functions,
    exports: {
      memory: ['memory', 0],
      ...Object.fromEntries(rows.map(([name], index) => [name, ['function', firstBody + index] as const])),
    },
  });
}

export function idleGuest(): Uint8Array {
  return assemble({ memories: [{ initial: 1, maximum: 1 }], exports: { memory: ['memory', 0] } });
}
