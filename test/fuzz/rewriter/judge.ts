// What has to be so of a module that was accepted: its state goes out of one instance and into another unchanged, an image of it is a module, and
// it begins as the module itself would. No guest code is run but what the engine runs of the module as it was loaded.
import { isDeepStrictEqual } from 'node:util';
import { RekindleError } from '#runtime/errors.js';
import { exportModule } from '#runtime/image/image-export.js';
import { exportedMemory } from '#runtime/image/instance-exports.js';
import { type InstanceState, StateAccess } from '#runtime/image/instance-state.js';
import type { GlobalSlot, ModuleLayout } from '#runtime/image/layout.js';
import type { PreparedModule } from '#runtime/image/prepare.js';
import { firstMemories } from '#test/support/first-memories.js';
import type { SeededRandom } from '#test/support/seeded-random.js';
import { demand, type Tally } from '../tally.js';

const CULPRIT = 'm.wasm';
/** Entries a table is made longer by. */
const MAX_GROWTH = 3;
const WORDS = [0, 1, -1, 0x7fa00001, 0x7fffffff];
const WIDE_WORDS = [0n, -1n, 0x7ff4000000000001n];

type Exports = WebAssembly.Exports;

/** Imports that do nothing; null when it takes more than functions. */
function stubImports(module: WebAssembly.Module): WebAssembly.Imports | null {
  const imports = WebAssembly.Module.imports(module);
  if (imports.some(({ kind }) => kind !== 'function')) return null;
  const modules = new Set(imports.map((each) => each.module));
  // From entries: a module may be called `__proto__`.
  const functionsOf = (name: string): WebAssembly.ModuleImports =>
    Object.fromEntries(
      imports.filter((each) => each.module === name).map((each) => [each.name, () => undefined]),
    );
  return Object.fromEntries([...modules].map((name) => [name, functionsOf(name)]));
}

/** Null for one with imports that cannot be made up. */
function instanceOf(module: WebAssembly.Module): WebAssembly.Instance | null {
  const imports = stubImports(module);
  return imports === null ? null : new WebAssembly.Instance(module, imports);
}

/** Of a valid module that was refused because its segments do not fit: the engine has to say so too. */
export function demandSegmentsTrap(bytes: Uint8Array<ArrayBuffer>, tally: Tally): void {
  try {
    if (instanceOf(new WebAssembly.Module(bytes)) !== null) demand(false, () => 'its segments do fit');
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    tally.saw('  segments trap in the engine too');
  }
}

export function demandStateIsKept(
  original: Uint8Array<ArrayBuffer>,
  prepared: PreparedModule,
  random: SeededRandom,
  tally: Tally,
): void {
  const { layout, module, first } = prepared;
  const one = instanceOf(module);
  const other = instanceOf(module);
  if (one === null || other === null) return tally.saw('  not instantiated: its imports');
  const access = new StateAccess(one, layout);
  demand(access.restore(first.state), () => 'a fresh instance cannot be brought to its first state');
  demandSame(access.capture(CULPRIT), first.state, 'its first state');
  const memories = layout.memories.map(
    ({ exportName }) => new Uint8Array(exportedMemory(one.exports, exportName).buffer),
  );
  for (const [index, content] of firstMemories(first).entries()) memories[index]?.set(content);
  if (layout.start === null) demandBeginsAlike(original, one.exports, tally);
  disturb(one.exports, layout, random);
  const state = access.capture(CULPRIT);
  const otherAccess = new StateAccess(other, layout);
  demand(otherAccess.restore(state), () => 'a fresh instance cannot be brought to a captured state');
  demandSame(otherAccess.capture(CULPRIT), state, 'a restored state');
  demandExports({ layout, module: prepared.bytes, state, memories }, random, tally);
  const isBack = access.restore(first.state);
  demandSame(access.capture(CULPRIT), isBack ? first.state : state, 'a state restored in place');
  tally.saw(
    isBack ? '  captured and restored, in place too' : '  captured and restored, in a fresh instance only',
  );
}

function demandSame(actual: InstanceState, expected: InstanceState, what: string): void {
  demand(isDeepStrictEqual(actual, expected), () => {
    const [was, is] = [expected, actual].map((state) => JSON.stringify(state, (_, value) => String(value)));
    return `${what} is not kept: ${is}, and not ${was}`;
  });
}

/** What both show of themselves. */
function demandBeginsAlike(bytes: Uint8Array<ArrayBuffer>, exports: Exports, tally: Tally): void {
  const instance = instanceOf(new WebAssembly.Module(bytes));
  if (instance === null) return;
  for (const [name, value] of Object.entries(instance.exports)) {
    const own = exports[name];
    if (value instanceof WebAssembly.Memory && own instanceof WebAssembly.Memory)
      demand(Buffer.from(value.buffer).equals(Buffer.from(own.buffer)), () => `the memory ${name} differs`);
    if (value instanceof WebAssembly.Table && own instanceof WebAssembly.Table)
      demand(value.length === own.length, () => `the table ${name} differs`);
    demand(typeof value === typeof own, () => `the export ${name} is missing`);
  }
  tally.saw('  begins as in the engine');
}

function disturb(exports: Exports, layout: ModuleLayout, random: SeededRandom): void {
  const functions = layout.functionTable === null ? null : exports[layout.functionTable.exportName];
  const anyFunction = (): unknown =>
    functions instanceof WebAssembly.Table && functions.length > 0
      ? functions.get(random.below(functions.length))
      : null;
  for (const slot of layout.globals) setGlobal(exports, slot, random, anyFunction);
  for (const { exportName, elementType } of layout.tables) {
    const table = exports[exportName];
    if (!(table instanceof WebAssembly.Table)) continue;
    if (random.below(3) === 0) asFarAsItGoes(() => table.grow(random.below(MAX_GROWTH + 1), null));
    if (table.length === 0) continue;
    const entry = elementType === 'funcref' ? anyFunction() : null;
    asFarAsItGoes(() => table.set(random.below(table.length), entry));
  }
  for (const { drop } of layout.segments) if (random.below(2) === 0) callExport(exports, drop);
}

/** What has no room, or does not take a value of that type, stays as it is. */
function asFarAsItGoes(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
  }
}

function setGlobal(
  exports: Exports,
  slot: GlobalSlot,
  random: SeededRandom,
  anyFunction: () => unknown,
): void {
  const { type, accessors, exportName } = slot;
  const word = random.oneOf(WORDS);
  const wide = random.oneOf(WIDE_WORDS);
  if (accessors !== null) {
    const args = { f32: [word], f64: [wide], v128: [wide, random.oneOf(WIDE_WORDS)] }[type as 'f32'];
    callExport(exports, accessors.set, args);
    return;
  }
  const global = exports[exportName];
  if (!(global instanceof WebAssembly.Global)) return;
  const values: Readonly<Record<string, unknown>> = { i32: word, i64: wide, funcref: anyFunction() };
  asFarAsItGoes(() => {
    global.value = (values[type] ?? null) as never;
  });
}

function callExport(exports: Exports, name: string, args: readonly unknown[] = []): void {
  const value: unknown = exports[name];
  demand(typeof value === 'function', () => `there is no export ${name}`);
  Reflect.apply(value as () => unknown, undefined, args);
}

function demandExports(
  subject: Omit<Parameters<typeof exportModule>[0], 'imports' | 'processName'>,
  random: SeededRandom,
  tally: Tally,
): void {
  const imports = random.oneOf(['trap', 'keep'] as const);
  let exported: Uint8Array<ArrayBuffer>;
  try {
    exported = exportModule({ ...subject, processName: CULPRIT, imports });
  } catch (error) {
    if (!(error instanceof RekindleError) || error.code !== 'CHECKPOINT_REFUSED') throw error;
    return tally.saw('  export refused: CHECKPOINT_REFUSED');
  }
  demand(WebAssembly.validate(exported), () => `its exported image (${imports}) is not valid`);
  const instance = instanceOf(new WebAssembly.Module(exported));
  demand(instance !== null, () => `its exported image (${imports}) takes more than functions`);
  for (const value of Object.values(instance.exports)) {
    if (!(value instanceof WebAssembly.Memory)) continue;
    const content = Buffer.from(value.buffer);
    demand(
      subject.memories.some((memory) => content.equals(memory)),
      () => 'a memory of its exported image differs',
    );
  }
  tally.saw(`  exported (${imports})`);
}
