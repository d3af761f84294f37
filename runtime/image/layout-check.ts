// Tells whether a value read back from the bank has the shape of a module's layout. It must never let a value pass that would be
// found wrong only when an instance is restored.
import type { FunctionType, ImportedGlobal, ModuleLayout } from './layout.ts';

type Check = (value: unknown) => boolean;
/** Names the fields a record must have: none may be missing, and none may be forgotten here. */
type Fields<T> = { readonly [Name in keyof T]-?: Check };

const REFERENCE_TOPS = ['funcref', 'externref', 'anyref', 'exnref'] as const;
const VALUE_TYPES: readonly unknown[] = ['i32', 'i64', 'f32', 'f64', 'v128', ...REFERENCE_TOPS];

const isText: Check = (value) => typeof value === 'string';
const isIndex: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isValueType: Check = (value) => VALUE_TYPES.includes(value);
const isNull: Check = (value) => value === null;
const isAbsent: Check = (value) => value === undefined;
const isFlag: Check = (value) => typeof value === 'boolean';
const isNumber: Check = (value) => typeof value === 'number';
const either =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));
const oneOf =
  (...choices: readonly string[]): Check =>
  (value) =>
    choices.some((choice) => choice === value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const recordOf =
  <T>(fields: Fields<T>): Check =>
  (value) => {
    if (typeof value !== 'object' || value === null) return false;
    const present = new Map<string, unknown>(Object.entries(value));
    return Object.entries<Check>(fields).every(([name, check]) => check(present.get(name)));
  };

const isFunctionType = recordOf<FunctionType>({ params: listOf(isValueType), results: listOf(isValueType) });

const isLayout = recordOf<ModuleLayout>({
  functionImports: listOf(
    recordOf<ModuleLayout['functionImports'][number]>({ module: isText, name: isText, type: isFunctionType }),
  ),
  functionExports: listOf(
    recordOf<ModuleLayout['functionExports'][number]>({ name: isText, type: isFunctionType }),
  ),
  globalImports: either(
    isAbsent,
    listOf(
      recordOf<ImportedGlobal>({
        module: isText,
        name: isText,
        type: isValueType,
        mutable: isFlag,
        value: either(isNull, isText, isNumber),
      }),
    ),
  ),
  memories: listOf(
    recordOf<ModuleLayout['memories'][number]>({
      exportName: isText,
      initialPages: isIndex,
      maximumPages: isIndex,
      is64: either(isAbsent, isFlag),
    }),
  ),
  linearMemory: either(isNull, isIndex),
  globals: listOf(
    recordOf<ModuleLayout['globals'][number]>({
      index: isIndex,
      type: isValueType,
      exportName: isText,
      accessors: either(isNull, recordOf<{ get: string; set: string }>({ get: isText, set: isText })),
    }),
  ),
  tables: listOf(
    recordOf<ModuleLayout['tables'][number]>({
      index: isIndex,
      exportName: isText,
      elementType: oneOf(...REFERENCE_TOPS),
      accessors: either(
        isAbsent,
        recordOf<{ isNull: string; clear: string; grow: string }>({
          isNull: isText,
          clear: isText,
          grow: isText,
        }),
      ),
    }),
  ),
  segments: listOf(
    recordOf<ModuleLayout['segments'][number]>({
      kind: oneOf('data', 'element'),
      index: isIndex,
      probe: isText,
      drop: isText,
    }),
  ),
  functionTable: either(
    isNull,
    recordOf<NonNullable<ModuleLayout['functionTable']>>({ exportName: isText, indices: listOf(isIndex) }),
  ),
  start: either(isNull, isText),
  stackPointer: either(isNull, isIndex),
  randomSeeded: either(isNull, isIndex),
});

export function isModuleLayout(value: unknown): value is ModuleLayout {
  return isLayout(value) && namesLinearMemory(value as ModuleLayout);
}

/** A module with memories has one that pointers lead into, and it is one of them. */
function namesLinearMemory({ memories, linearMemory }: ModuleLayout): boolean {
  return linearMemory === null ? memories.length === 0 : linearMemory < memories.length;
}
