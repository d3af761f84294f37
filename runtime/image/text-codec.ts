// The text of a process image as it lies in the bank: a prepared module and where the hidden state of its instances is found. A reader
// must never trust a length it has not checked, nor hand out what the checksum does not cover.
import { crc32 } from 'node:zlib';
import { RekindleError } from '../errors.ts';
import type { ModuleLayout } from './layout.ts';
import { isModuleLayout } from './layout-check.ts';

//  All numbers are little-endian.
//
//   0       4         8          12            16            20         20 + layoutBytes
//  +-------+---------+----------+-------------+-------------+----------+----------------+
//  | magic | version | checksum | layoutBytes | moduleBytes | layout   | module         |
//  +-------+---------+----------+-------------+-------------+----------+----------------+
//  layout: JSON, UTF-8. module: WebAssembly. The checksum covers everything from layoutBytes on.
const MAGIC = 0x58544b52; // "RKTX"
const VERSION = 3;
const VERSION_OFFSET = 4;
const CHECKSUM_OFFSET = 8;
const CHECKED_OFFSET = 12;
const MODULE_BYTES_OFFSET = 16;
const FIXED_SIZE = 20;

export interface ProcessText {
  readonly module: Uint8Array;
  readonly layout: ModuleLayout;
}

/** What goes in front of `module`, which is not copied: the two together are the text. */
export function encodeTextFront({ module, layout }: ProcessText): Uint8Array {
  const layoutJson = Buffer.from(JSON.stringify(layout));
  const bytes = new Uint8Array(FIXED_SIZE + layoutJson.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(VERSION_OFFSET, VERSION, true);
  view.setUint32(CHECKED_OFFSET, layoutJson.byteLength, true);
  view.setUint32(MODULE_BYTES_OFFSET, module.byteLength, true);
  bytes.set(layoutJson, FIXED_SIZE);
  view.setUint32(CHECKSUM_OFFSET, crc32(module, crc32(bytes.subarray(CHECKED_OFFSET))), true);
  return bytes;
}

/** The checksum that a text carries in its front: tells one text from another. */
export function checksumOfText(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(CHECKSUM_OFFSET, true);
}

/**
 * Reads a text from the start of `bytes`, which may be longer: the module is a copy.
 *
 * @throws RekindleError IMAGE_DAMAGED, saying what is wrong; nothing else, whatever the bytes are.
 */
export function decodeText(bytes: Uint8Array, culprit: string): ProcessText {
  const fail = (detail: string): never => {
    throw new RekindleError('IMAGE_DAMAGED', culprit, detail);
  };
  if (bytes.byteLength < FIXED_SIZE) fail('its text is too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) fail('its text does not begin as one does');
  const version = view.getUint32(VERSION_OFFSET, true);
  if (version !== VERSION) fail(`the version of its text is ${version}, not ${VERSION}`);
  const layoutEnd = FIXED_SIZE + view.getUint32(CHECKED_OFFSET, true);
  const moduleEnd = layoutEnd + view.getUint32(MODULE_BYTES_OFFSET, true);
  if (moduleEnd > bytes.byteLength) fail('its text is longer than its place');
  if (crc32(bytes.subarray(CHECKED_OFFSET, moduleEnd)) !== view.getUint32(CHECKSUM_OFFSET, true))
    fail('the checksum of its text differs');
  const layout = parseJson(Buffer.from(bytes.subarray(FIXED_SIZE, layoutEnd)).toString());
  if (!isModuleLayout(layout)) return fail('its layout is none');
  return { module: bytes.slice(layoutEnd, moduleEnd), layout };
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
