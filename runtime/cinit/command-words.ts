// Takes a text of commands apart: into lines, and a line into words. Pure and bounded; it must never lose a character that is not a
// blank, a quote or a comment, and never repair what it can refuse.
import { refuse } from '../checks.ts';
import { MAX_LINE_BYTES, MAX_SYSADM_BYTES, MAX_SYSADM_LINES } from '../limits.ts';

/** Characters of a foreign text that are shown in one line of the console. */
const MAX_SHOWN_CHARACTERS = 400;

/** `text` as one line of a console may hold it: what would break or forge lines is escaped, and what is too long is cut. */
export function onOneLine(text: string): string {
  // A character is at most two units long: what is cut off here is never shown.
  const characters = [...text.slice(0, 2 * MAX_SHOWN_CHARACTERS + 2)];
  const shown = characters.slice(0, MAX_SHOWN_CHARACTERS).join('');
  const escaped = shown.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
  return characters.length > MAX_SHOWN_CHARACTERS ? `${escaped}...` : escaped;
}

/** Bytes of the file that gave `text`: what stands for a byte that was not UTF-8 counts as that byte. */
function fileSizeBytes(text: string): number {
  return Buffer.byteLength(text.replaceAll(/\p{Cs}/gu, '?'));
}

/**
 * The lines of a file, without their ends (`\n` or `\r\n`) and without a byte order mark.
 * Throws OPTION_INVALID, naming `file`, when it is larger than MAX_SYSADM_BYTES or has more lines than MAX_SYSADM_LINES.
 */
export function splitLines(file: string, text: string): readonly string[] {
  if (fileSizeBytes(text) > MAX_SYSADM_BYTES) refuse(file, `is larger than ${MAX_SYSADM_BYTES} bytes`);
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length > MAX_SYSADM_LINES) refuse(file, `has more than ${MAX_SYSADM_LINES} lines`);
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

function refuseColumn(index: number, detail: string): never {
  return refuse(`column ${index + 1}`, detail);
}

/**
 * The words of a line, as a shell would split them: at blanks, with quotes and backslashes taken off. Columns count characters from 1.
 * Throws OPTION_INVALID, naming the column, for a line that is too long or no text, and for a quote or a backslash left open.
 */
export function splitWords(line: string): readonly string[] {
  if (fileSizeBytes(line) > MAX_LINE_BYTES) refuse('line', `is longer than ${MAX_LINE_BYTES} bytes`);
  const characters = [...line];
  const foreign = characters.findIndex((character) => /[\0\p{Cs}]/u.test(character));
  if (foreign !== -1)
    refuseColumn(foreign, characters[foreign] === '\0' ? 'a NUL character' : 'is not UTF-8');
  const words: string[] = [];
  let word: string | null = null;
  let quote: { readonly character: string; readonly index: number } | null = null;
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    if (character === '\\' && quote?.character !== "'") {
      index += 1;
      word = (word ?? '') + (characters[index] ?? refuseColumn(index - 1, 'a backslash ends the line'));
    } else if (quote !== null) {
      if (character === quote.character) quote = null;
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = { character, index };
      word ??= '';
    } else if (character === ' ' || character === '\t') {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === '#' && word === null) {
      break;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== null) refuseColumn(quote.index, 'the quote is never closed');
  if (word !== null) words.push(word);
  return words;
}
