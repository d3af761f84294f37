// Modules made up at random: sections that fit each other more often than not, with state of every kind, segments of every form, and code that
// changes them. Some are not valid, and need not be: whoever uses them asks the engine.
import type { SeededRandom } from '#test/support/seeded-random.js';
import {
  type Bytes,
  type DataSegment,
  type ElementSegment,
  type Import,
  ins,
  type Limits,
  type ModuleSource,
  type TypeName,
} from '#test/support/wasm-assembler.js';

type SignatureTypes = NonNullable<ModuleSource['types']>;
type ReferenceName = 'funcref' | 'externref';

const VALUE_TYPES: readonly TypeName[] = ['i32', 'i64', 'f32', 'f64', 'v128', 'funcref', 'externref'];
const REFERENCES: readonly ReferenceName[] = ['funcref', 'funcref', 'funcref', 'externref'];
const MAX_ENTRIES = 6;
const NAMES = ['', 'memory', 'table', '_start', '_initialize', '__stack_pointer', 'a', '\u00e9', '__proto__'];
const PAGE_BYTES = 65_536;
/** One index in so many leads nowhere. */
const MISFIT = 60;

/** What code may name. */
interface Spaces {
  readonly functions: number;
  /** One that takes and gives nothing. */
  readonly firstBody: number;
  readonly tables: readonly ReferenceName[];
  readonly hasMemory: boolean;
  readonly globals: readonly { readonly type: TypeName; readonly mutable: boolean }[];
  /** Those that come first. */
  readonly importedGlobals: number;
  readonly elements: number;
  /** What code may say of data segments: nothing without a count of them. */
  readonly data: number;
}

export function anyModule(random: SeededRandom): ModuleSource {
  const types = some(random, 4, () => anySignature(random));
  const signatures: SignatureTypes = [[[], []], ...types];
  const imports = some(random, 3, () => anyImport(random, signatures.length));
  const imported = (kind: Import['kind']): number => imports.filter((each) => each.kind === kind).length;
  const bodies = 1 + random.below(4);
  const tables = some(random, 2, () => ({
    elementType: random.oneOf(REFERENCES),
    limits: anyLimits(random, 5),
  }));
  const ownGlobals = some(random, 4, () => ({
    type: random.oneOf(VALUE_TYPES),
    mutable: random.below(3) > 0,
  }));
  const importedTables = imports.flatMap((each) =>
    each.kind === 'table' ? [each.elementType as ReferenceName] : [],
  );
  const importedGlobals = imports.flatMap((each) =>
    each.kind === 'global' ? [{ type: each.type, mutable: each.mutable }] : [],
  );
  const memories =
    random.below(4) > 0 && (imported('memory') === 0 || random.below(MISFIT) === 0)
      ? [anyLimits(random, 2)]
      : [];
  const hasTables = importedTables.length + tables.length > 0;
  const elements = hasTables ? random.below(3) : 0;
  const dataSegments = random.below(4);
  const dataCount = random.below(5) > 0;
  const spaces: Spaces = {
    functions: imported('function') + bodies,
    firstBody: imported('function'),
    tables: [...importedTables, ...tables.map(({ elementType }) => elementType)],
    hasMemory: memories.length + imported('memory') > 0,
    globals: [...importedGlobals, ...ownGlobals],
    importedGlobals: importedGlobals.length,
    elements,
    data: dataCount ? dataSegments : 0,
  };
  const functions = Array.from({ length: bodies }, (_, index) => {
    const type = index === 0 ? 0 : random.below(signatures.length);
    return { type, code: anyBody(random, spaces, signatures[type]?.[1] ?? []) };
  });
  const constant = (type: TypeName): Bytes => anyConstant(random, spaces, type);
  return {
    types: signatures,
    imports,
    functions,
    tables: tables.map((table) => ({
      ...table,
      ...(random.below(MISFIT) === 0 ? { initializer: constant(table.elementType) } : {}),
    })),
    memories,
    globals: ownGlobals.map((each) => ({ ...each, initializer: constant(each.type) })),
    exports: anyExports(random, spaces),
    ...(random.below(4) === 0 ? { start: imported('function') } : {}),
    // The last one lets code refer to every function.
    elements: [
      ...Array.from({ length: elements }, () => anyElements(random, spaces)),
      { mode: 'declarative', entries: Array.from({ length: spaces.functions }, (_, index) => index) },
    ],
    data: Array.from({ length: dataSegments }, () => anyData(random, spaces)),
    dataCount,
    ...(random.below(6) === 0
      ? { customs: [{ name: random.oneOf(NAMES), payload: [...random.bytes(5)] }] }
      : {}),
  };
}

function some<Item>(random: SeededRandom, max: number, make: () => Item): Item[] {
  return Array.from({ length: random.below(max + 1) }, make);
}

/** Below `size`, but for one in many. */
function index(random: SeededRandom, size: number): number {
  return random.below(size + Number(random.below(MISFIT) === 0 || size === 0));
}

function anySignature(random: SeededRandom): SignatureTypes[number] {
  return [some(random, 3, () => random.oneOf(VALUE_TYPES)), some(random, 2, () => random.oneOf(VALUE_TYPES))];
}

function anyLimits(random: SeededRandom, max: number): Limits {
  const initial = random.below(max + 1);
  return random.below(2) === 0 ? { initial } : { initial, maximum: initial + random.below(max) };
}

function anyImport(random: SeededRandom, types: number): Import {
  const place = { module: random.oneOf(['env', 'hr', 'm']), name: random.oneOf([...NAMES, 'b', 'c', 'd']) };
  const kind = random.weighted({ function: 12, table: 2, memory: 2, global: 0.5 });
  switch (kind) {
    case 'function':
      return { ...place, kind, type: random.below(types) };
    case 'table':
      return { ...place, kind, elementType: random.oneOf(REFERENCES), limits: anyLimits(random, 4) };
    case 'memory':
      return { ...place, kind, limits: anyLimits(random, 2) };
    case 'global':
      return { ...place, kind, type: random.oneOf(VALUE_TYPES), mutable: random.below(2) === 0 };
  }
}

function anyConstant(random: SeededRandom, spaces: Spaces, type: TypeName): Bytes {
  const { functions, globals, importedGlobals } = spaces;
  const imported = random.below(MISFIT) === 0 ? globals : globals.slice(0, importedGlobals);
  const source = imported.findIndex((each) => each.type === type && !each.mutable);
  if (source >= 0 && random.below(2) === 0) return ins.globalGet(source);
  switch (type) {
    case 'i32':
      return ins.i32Const(random.oneOf([0, 1, -1, random.below(100), PAGE_BYTES]));
    case 'i64':
      return ins.i64Const(random.oneOf([0n, -1n, 2n ** 63n - 1n]));
    case 'f32':
      return ins.f32Bits(random.oneOf([0n, 0x7fa00001n, 0xff800000n]));
    case 'f64':
      return ins.f64Bits(random.oneOf([0n, 0x7ff4000000000001n]));
    case 'v128':
      return ins.v128Const(1n, 2n ** 64n - 1n);
    case 'funcref':
      return random.below(2) === 0 ? ins.refNull('funcref') : ins.refFunc(random.below(functions));
    default:
      return ins.refNull('externref');
  }
}

function anyExports(random: SeededRandom, spaces: Spaces): NonNullable<ModuleSource['exports']> {
  const count = { function: spaces.functions, table: spaces.tables.length, global: spaces.globals.length };
  const entries = some(random, 4, () => {
    const kind = random.oneOf(['function', 'function', 'table', 'global', 'memory'] as const);
    const size = kind === 'memory' ? Number(spaces.hasMemory) : count[kind];
    return size === 0 ? [] : [[random.oneOf(NAMES), [kind, random.below(size)]] as const];
  });
  return Object.fromEntries(entries.flat());
}

function anyElements(random: SeededRandom, spaces: Spaces): ElementSegment {
  const mode = random.weighted({ active: 3, passive: 2, declarative: 1 });
  const table = index(random, spaces.tables.length);
  const isExplicit = table > 0 || random.below(3) === 0;
  const elementType = spaces.tables[isExplicit ? table : 0] ?? 'funcref';
  const offset = ins.i32Const(random.oneOf([0, 0, 1, 3, -1]));
  const common = { mode, offset, ...(isExplicit ? { table } : {}) };
  if (elementType === 'funcref' && random.below(2) === 0)
    return { ...common, entries: some(random, 3, () => random.below(spaces.functions)) };
  const entries = some(random, 3, () => anyConstant(random, spaces, elementType));
  return { ...common, elementType, entries };
}

function anyData(random: SeededRandom, { hasMemory }: Spaces): DataSegment {
  const bytes = [...random.bytes(random.below(MAX_ENTRIES))];
  if (!hasMemory || random.below(2) === 0) return { bytes };
  return { bytes, offset: ins.i32Const(random.oneOf([0, 8, 8, 100, PAGE_BYTES - 2, PAGE_BYTES])) };
}

function anyBody(random: SeededRandom, spaces: Spaces, results: readonly TypeName[]): Bytes {
  const statements = some(random, 4, () => anyStatement(random, spaces)).flat();
  return [...statements, ...results.flatMap((type) => anyConstant(random, spaces, type))];
}

/** Leaves nothing on the stack. */
function anyStatement(random: SeededRandom, spaces: Spaces): Bytes {
  const { tables, globals, functions, hasMemory, elements, data } = spaces;
  const table = index(random, tables.length);
  const element = anyConstant(random, spaces, tables[table] ?? 'funcref');
  const zero = ins.i32Const(0);
  const one = [...zero, ...zero, ...ins.i32Const(1)];
  const isMisfit = random.below(MISFIT) === 0;
  switch (random.oneOf(['global', 'table', 'memory', 'element', 'data', 'call', 'function'] as const)) {
    case 'global': {
      const mutable = globals.flatMap((each, position) => (each.mutable || isMisfit ? [position] : []));
      if (mutable.length === 0) return [];
      const position = random.oneOf(mutable);
      return [...anyConstant(random, spaces, globals[position]?.type ?? 'i32'), ...ins.globalSet(position)];
    }
    case 'table':
      if (tables.length === 0 && !isMisfit) return [];
      return random.below(2) === 0
        ? [...zero, ...element, ...ins.tableSet(table)]
        : [...element, ...ins.i32Const(1), ...ins.tableGrow(table), ...ins.drop];
    case 'memory':
      if (!hasMemory && !isMisfit) return [];
      return random.below(2) === 0
        ? [...ins.i32Const(1), ...ins.memoryGrow, ...ins.drop]
        : [...zero, ...ins.i32Const(7), ...ins.i32Store];
    case 'element':
      // The declarative one is there in any case, and of no table that holds anything but functions.
      if (tables[table] !== 'funcref' && !isMisfit) return [];
      return random.below(2) === 0
        ? [...one, ...ins.tableInit(elements, table)]
        : ins.elemDrop(index(random, elements + 1));
    case 'data': {
      if (data === 0 && !isMisfit) return [];
      const segment = index(random, data);
      return hasMemory && random.below(2) === 0
        ? [...one, ...ins.memoryInit(segment)]
        : ins.dataDrop(segment);
    }
    case 'call':
      if (tables[table] === 'funcref' && random.below(2) === 0)
        return [...zero, ...ins.callIndirect(0, table)];
      return isMisfit ? ins.call(random.below(functions)) : ins.call(spaces.firstBody);
    case 'function':
      return [...ins.refFunc(index(random, functions)), ...ins.drop];
  }
}
