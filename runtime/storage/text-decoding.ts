// Turns bytes that should be UTF-8 into text without losing where they are not. It must never throw, and never show a byte that is
// no part of a character as if it were one.
import { isUtf8 } from 'node:buffer';

/** The unpaired surrogate that stands for byte 0. UTF-8 encodes none, so that none can have been in the text. */
const FOREIGN_BYTE_BASE = 0xdc00;

/** Bytes of the character that begins with `lead`, if any does; 0 for a byte that begins none. */
function claimedLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc0) return 0;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** The text of `bytes`; a byte that belongs to no character becomes the unpaired surrogate U+DC00 + byte. */
export function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  const parts: string[] = [];
  let offset = 0;
  for (let byte = buffer[0]; byte !== undefined; byte = buffer[offset]) {
    const character = buffer.subarray(offset, offset + claimedLength(byte));
    const isCharacter = character.byteLength > 0 && isUtf8(character);
    parts.push(isCharacter ? character.toString('utf8') : String.fromCharCode(FOREIGN_BYTE_BASE + byte));
    offset += isCharacter ? character.byteLength : 1;
  }
  return parts.join('');
}
