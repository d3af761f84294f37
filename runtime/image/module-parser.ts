// Reads a module section by section into a plain structure, and refuses by name what an image could not keep. It must never
// decode the code section: what stands there is validated and run by the engine, and copied by us as it is.
import { RekindleError } from '../errors.ts';
import { MAX_ELEMENT_ENTRIES, MAX_ELEMENT_SEGMENTS, MAX_MODULE_SECTIONS } from '../limits.ts';
import { readConstExpression } from './const-expression.ts';
import type {
  DataSegment,
  ElementSegment,
  ExternalKind,
  GlobalDefinition,
  ModuleExport,
  ModuleImport,
  ModuleStructure,
  Section,
  SizeLimits,
  TableDefinition,
  TypeDefinition,
} from './module-structure.ts';
import { readDataSegment, readElementSegment } from './segment-reader.ts';
import {
  type KnownTypes,
  readLimits,
  readReferenceType,
  readTypes,
  readValueType,
  refuseUnsupported,
} from './type-reader.ts';
import {
  COMPONENT_VERSION,
  EXTERNAL,
  MODULE_MAGIC,
  MODULE_PREAMBLE_SIZE,
  MODULE_VERSION,
  SECTION,
  SECTION_ORDER,
  TABLE_WITH_INITIALIZER,
} from './wasm-format.ts';
import { WasmReader } from './wasm-reader.ts';

/**
 * Parses a whole module. What the engine checks (types, index bounds, code) is not checked again.
 *
 * @param moduleName the culprit in errors.
 * @throws RekindleError MODULE_MALFORMED or MODULE_UNSUPPORTED; nothing else, whatever the bytes are.
 */
export function parseModule(bytes: Uint8Array, moduleName: string): ModuleStructure {
  checkPreamble(bytes, moduleName);
  const builder = new StructureBuilder();
  const sections: Section[] = [];
  const reader = new WasmReader(bytes, moduleName, MODULE_PREAMBLE_SIZE);
  let previousPosition = -1;
  while (!reader.atEnd) {
    const start = reader.offset;
    const id = reader.byte();
    const payload = reader.nested(reader.u32());
    if (id !== SECTION.custom) {
      const position = SECTION_ORDER.indexOf(id);
      if (position === -1) refuseUnsupported(reader, `the section ${id}`);
      if (position <= previousPosition) reader.fail(`section ${id} is out of order`);
      previousPosition = position;
    }
    if (sections.length >= MAX_MODULE_SECTIONS)
      refuseUnsupported(reader, `more than ${MAX_MODULE_SECTIONS} sections`);
    sections.push({ id, bytes: reader.since(start), payload: reader.since(payload.offset) });
    builder.readSection(id, payload);
  }
  return builder.finish(sections);
}

/** Refuses what does not begin as a module does: another version, a component, another kind of file. */
export function checkPreamble(bytes: Uint8Array, moduleName: string): void {
  const begins = (at: number, expected: readonly number[]) =>
    expected.every((byte, position) => bytes[at + position] === byte);
  const fail = (detail: string): never => {
    throw new RekindleError('MODULE_MALFORMED', moduleName, detail);
  };
  const versionOffset = MODULE_MAGIC.length;
  if (!begins(0, MODULE_MAGIC)) fail('it does not begin as a WebAssembly module does');
  if (begins(versionOffset, COMPONENT_VERSION)) fail('it is a component, not a module');
  if (!begins(versionOffset, MODULE_VERSION)) {
    fail(`its version is [${bytes.subarray(versionOffset, MODULE_PREAMBLE_SIZE).join(', ')}], not 1`);
  }
}

class StructureBuilder {
  #types: readonly TypeDefinition[] = [];
  readonly #imports: ModuleImport[] = [];
  readonly #functionTypes: number[] = [];
  readonly #tables: TableDefinition[] = [];
  readonly #globals: GlobalDefinition[] = [];
  readonly #exports: ModuleExport[] = [];
  readonly #elements: ElementSegment[] = [];
  readonly #data: DataSegment[] = [];
  #importedFunctionCount = 0;
  #elementEntryCount = 0;
  readonly #memories: SizeLimits[] = [];
  #startFunction: number | null = null;
  readonly #known: KnownTypes = (index) => this.#types[index];

  /** `payload` covers exactly the section's payload. Custom, data count and code sections are left unread. */
  readSection(id: number, payload: WasmReader): void {
    switch (id) {
      case SECTION.type:
        this.#types = readTypes(payload);
        break;
      case SECTION.import:
        readVector(payload, () => this.#readImport(payload));
        this.#importedFunctionCount = this.#functionTypes.length;
        break;
      case SECTION.function:
        for (const type of payload.u32s(payload.count())) this.#functionTypes.push(type);
        payload.expectEnd('the function section');
        break;
      case SECTION.table:
        readVector(payload, () =>
          this.#tables.push(readTable(payload, this.#known, `table ${this.#tables.length}`)),
        );
        break;
      case SECTION.memory:
        readVector(payload, () => this.#memories.push(readLimits(payload, 'memory')));
        break;
      case SECTION.global:
        readVector(payload, () =>
          this.#globals.push(readGlobal(payload, this.#known, `global ${this.#globals.length}`)),
        );
        break;
      case SECTION.export:
        readVector(payload, () => this.#exports.push(readExport(payload)));
        break;
      case SECTION.start:
        this.#startFunction = payload.u32();
        payload.expectEnd('the start section');
        break;
      case SECTION.element:
        readVector(payload, (i) =>
          this.#addElements(payload, readElementSegment(payload, this.#known, `element segment ${i}`)),
        );
        break;
      case SECTION.data:
        readVector(payload, (i) =>
          this.#data.push(readDataSegment(payload, this.#known, `data segment ${i}`)),
        );
    }
  }

  finish(sections: readonly Section[]): ModuleStructure {
    return {
      sections,
      types: this.#types,
      imports: this.#imports,
      functionTypes: this.#functionTypes,
      importedFunctionCount: this.#importedFunctionCount,
      tables: this.#tables,
      memories: this.#memories,
      globals: this.#globals,
      exports: this.#exports,
      startFunction: this.#startFunction,
      elements: this.#elements,
      data: this.#data,
    };
  }

  #readImport(reader: WasmReader): void {
    const start = reader.offset;
    const module = reader.name();
    const name = reader.name();
    const code = reader.byte();
    const kind = externalKind(reader, code);
    const described = reader.offset;
    this.#readDescription(reader, kind, `the imported ${kind} ${module}.${name}`);
    const [bytes, description] = [reader.since(start), reader.since(described)];
    this.#imports.push({ module, name, kind, bytes, description });
  }

  #readDescription(reader: WasmReader, kind: ExternalKind, where: string): void {
    switch (kind) {
      case 'function':
        this.#functionTypes.push(reader.u32());
        break;
      case 'memory':
        this.#memories.push(readLimits(reader, 'memory'));
        break;
      case 'global':
        this.#globals.push({ ...readGlobalType(reader, this.#known, where), initializer: null });
        break;
      case 'tag':
        // Its attribute: one byte of zero, which engines read as a number of any length.
        reader.u32();
        reader.u32();
        break;
      case 'table': {
        const elementType = readReferenceType(reader, this.#known, where);
        if (!elementType.nullable) refuseUnsupported(reader, `${where}, whose entries cannot be null`);
        this.#tables.push({ elementType, limits: readLimits(reader, 'table'), initializer: null });
      }
    }
  }

  #addElements(reader: WasmReader, segment: ElementSegment): void {
    this.#elements.push(segment);
    this.#elementEntryCount += segment.entryCount;
    if (this.#elements.length > MAX_ELEMENT_SEGMENTS)
      refuseUnsupported(reader, `more than ${MAX_ELEMENT_SEGMENTS} element segments`);
    if (this.#elementEntryCount > MAX_ELEMENT_ENTRIES)
      refuseUnsupported(reader, `more than ${MAX_ELEMENT_ENTRIES} entries in element segments`);
  }
}

/** Reads a vector that fills the reader to its end. */
function readVector(reader: WasmReader, readEntry: (position: number) => void): void {
  const count = reader.count();
  for (let position = 0; position < count; position++) readEntry(position);
  reader.expectEnd('a section');
}

function externalKind(reader: WasmReader, code: number): ExternalKind {
  switch (code) {
    case EXTERNAL.function:
      return 'function';
    case EXTERNAL.table:
      return 'table';
    case EXTERNAL.memory:
      return 'memory';
    case EXTERNAL.global:
      return 'global';
    case EXTERNAL.tag:
      return 'tag';
    default:
      return refuseUnsupported(reader, `an import or export of the unknown kind ${code}`);
  }
}

function readTable(reader: WasmReader, known: KnownTypes, where: string): TableDefinition {
  const hasInitializer = reader.peek() === TABLE_WITH_INITIALIZER;
  if (hasInitializer) {
    reader.skip(1);
    if (reader.byte() !== 0) refuseUnsupported(reader, `the form of ${where}`);
  }
  const elementType = readReferenceType(reader, known, where);
  const limits = readLimits(reader, 'table');
  return { elementType, limits, initializer: hasInitializer ? readConstExpression(reader, known) : null };
}

function readGlobal(reader: WasmReader, known: KnownTypes, where: string): GlobalDefinition {
  return { ...readGlobalType(reader, known, where), initializer: readConstExpression(reader, known) };
}

function readGlobalType(
  reader: WasmReader,
  known: KnownTypes,
  where: string,
): Omit<GlobalDefinition, 'initializer'> {
  const start = reader.offset;
  const type = readValueType(reader, known, where);
  const bytes = reader.since(start);
  const mutability = reader.byte();
  if (mutability > 1) refuseUnsupported(reader, `the mutability of ${where}`);
  return { type, bytes, mutable: mutability === 1 };
}

function readExport(reader: WasmReader): ModuleExport {
  const name = reader.name();
  const kind = externalKind(reader, reader.byte());
  return { name, kind, index: reader.u32() };
}
