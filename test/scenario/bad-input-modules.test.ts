// What a bad module gets from `arun`: a RekindleError with a stable code and a message that names the culprit, and a site that goes on
// unchanged. What it gets from hrfexec is in reference-3-spawn and in the last test here.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENOENT, ENOEXEC, ENOMEM, EPERM } from '#abi/errors.js';
import type { ErrorCode } from '#runtime/index.js';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { openProbeSite, refusal, unchanged } from '#test/support/probe-site.js';
import { PLACEMENTS } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';
import { assemble, type Import, ins, type ModuleSource, PREAMBLE } from '#test/support/wasm-assembler.js';

const MAX_MODULE_BYTES = 256 * 1024;

const importing = (module: string, name: string): ModuleSource => ({
  types: [[[], []]],
  imports: [{ module, name, kind: 'function', type: 0 }],
});
const importingOther = (entry: Import): ModuleSource => ({ types: [[[], []]], imports: [entry] });

/** File name, content, the code it is refused with, what the message names, and the errno hrfexec gives. */
const MODULES: readonly (readonly [
  path: string,
  content: Uint8Array | string | ModuleSource,
  code: ErrorCode,
  named: RegExp,
  errno: number,
])[] = [
  ['empty.wasm', '', 'MODULE_MALFORMED', /empty\.wasm/, ENOEXEC],
  ['text.wasm', '(module)', 'MODULE_MALFORMED', /text\.wasm/, ENOEXEC],
  ['cut.wasm', Uint8Array.from([...PREAMBLE, 1, 50, 1]), 'MODULE_MALFORMED', /cut\.wasm/, ENOEXEC],
  [
    'invalid-code.wasm',
    { types: [[[], ['i32']]], functions: [{ type: 0, code: [] }] },
    'MODULE_MALFORMED',
    /invalid-code\.wasm.*function #0/,
    ENOEXEC,
  ],
  [
    'segment-outside.wasm',
    { memories: [{ initial: 1 }], data: [{ offset: ins.i32Const(65_536), bytes: [1] }] },
    'MODULE_MALFORMED',
    /segment-outside\.wasm.*segments do not fit/,
    ENOEXEC,
  ],
  [
    'huge.wasm',
    new Uint8Array(MAX_MODULE_BYTES + 1),
    'MODULE_TOO_LARGE',
    /huge\.wasm.*262145 bytes.*262144/,
    ENOEXEC,
  ],
  [
    'imported-global.wasm',
    importingOther({ module: 'env', name: 'it', kind: 'global', type: 'i32', mutable: false }),
    'IMPORT_UNRESOLVED',
    /imported-global\.wasm.*env\.it/,
    ENOEXEC,
  ],
  [
    'shared-memory.wasm',
    { memories: [{ initial: 1, maximum: 1, flags: 3 }] },
    'MODULE_UNSUPPORTED',
    /shared-memory\.wasm.*shared memory/,
    ENOEXEC,
  ],
  [
    'four-gib.wasm',
    { memories: [{ initial: 65_536 }] },
    'MODULE_OVER_QUOTA',
    /four-gib\.wasm.*65536 pages/,
    ENOMEM,
  ],
  [
    'huge-table.wasm',
    { tables: [{ elementType: 'funcref', limits: { initial: 1_000_001 } }] },
    'MODULE_OVER_QUOTA',
    /huge-table\.wasm.*1000001 entries/,
    ENOMEM,
  ],
  ...(
    [
      ['unknown-module', 'nobody', 'provides'],
      ['unknown-hr', 'hr', 'hrReboot'],
      ['unknown-pmm', 'pmm', 'constructor'],
      ['unknown-wasi', 'wasi_snapshot_preview1', 'sock_open'],
      ['unknown-env', 'env', 'toString'],
      ['unknown-proto', '__proto__', 'hasOwnProperty'],
    ] as const
  ).map(
    ([file, module, name]) =>
      [
        `${file}.wasm`,
        importing(module, name),
        'IMPORT_UNRESOLVED',
        new RegExp(`${file}.*${module}\\.${name}`),
        ENOEXEC,
      ] as const,
  ),
];

const PATHS: readonly [path: string, code: ErrorCode, errno: number][] = [
  ['absent.wasm', 'MODULE_NOT_FOUND', ENOENT],
  ['directory', 'MODULE_NOT_FOUND', ENOENT],
  ['probe.wasm/inside', 'MODULE_NOT_FOUND', ENOENT],
  ['', 'MODULE_PATH_REFUSED', EPERM],
  ['../probe.wasm', 'MODULE_PATH_REFUSED', EPERM],
  ['directory/../probe.wasm', 'MODULE_PATH_REFUSED', EPERM],
  ['./probe.wasm', 'MODULE_PATH_REFUSED', EPERM],
  ['/etc/hostname', 'MODULE_PATH_REFUSED', EPERM],
  ['link-out.wasm', 'MODULE_PATH_REFUSED', EPERM],
  ['link-loop.wasm', 'MODULE_PATH_REFUSED', EPERM],
];

let root = '';
let storage = '';

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'rekindle-modules-'));
  storage = join(root, 'storage');
  cpSync(TEST_GUESTS, storage, { recursive: true });
  mkdirSync(join(storage, 'directory'));
  cpSync(join(storage, 'probe.wasm'), join(root, 'outside.wasm'));
  symlinkSync(join(root, 'outside.wasm'), join(storage, 'link-out.wasm'));
  symlinkSync('link-loop.wasm', join(storage, 'link-loop.wasm'));
  for (const [path, content] of MODULES) {
    const bytes = typeof content === 'string' || content instanceof Uint8Array ? content : assemble(content);
    writeFileSync(join(storage, path), bytes);
  }
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.each(PLACEMENTS)('bad modules: %s', (placement) => {
  const open = () => openProbeSite({ stableStorage: storage, limits: { maxModuleBytes: MAX_MODULE_BYTES } });

  it('each bad module is refused by its code, names its file, and changes nothing', async () => {
    const opened = await open();
    const bystander = await opened.probe({ placement });
    await unchanged(opened, bystander, async () => {
      for (const [path, , code, named] of MODULES) {
        const error = await refusal(opened.site.arun(path, { placement }));
        expect([path, error.code]).toEqual([path, code]);
        expect(error.message).toMatch(named);
        expect(error.message).toContain(error.culprit);
      }
    });
    expect(opened.told.map(({ event }) => event)).toEqual(['started']);
  });

  it('each bad path is refused by its code, is itself the culprit, and changes nothing', async () => {
    const opened = await open();
    const bystander = await opened.probe({ placement });
    await unchanged(opened, bystander, async () => {
      for (const [path, code] of PATHS) {
        const error = await refusal(opened.site.arun(path, { placement }));
        expect([path, error.code, error.culprit]).toEqual([path, code, path]);
      }
    });
  });

  it('hrfexec answers each with an errno, and the parent goes on', async () => {
    const opened = await open();
    const bystander = await opened.probe({ placement, group: 1 });
    const parent = new ProbeCalls(await opened.probe({ placement }));
    await unchanged(opened, bystander, async () => {
      for (const [path, , , , errno] of MODULES)
        expect([path, await parent.spawn('CHILD', path)]).toEqual([path, -errno]);
      for (const [path, , errno] of PATHS)
        expect([path, await parent.spawn('CHILD', path)]).toEqual([path, -errno]);
    });
    expect(await parent.spawn('CHILD', 'probe.wasm')).toBeGreaterThan(0);
  });
});
