// Checks of what callers hand to the host interface, who may be JavaScript and hand over anything. Each throws OPTION_INVALID with
// the option's name, and converts nothing: a value that is not right is never made to fit.
import { RekindleError } from './errors.ts';

/** Longest delay a timer of the host takes, in milliseconds. */
const MAX_LIMIT_MS = 2 ** 31 - 1;

export function refuse(option: string, detail: string): never {
  throw new RekindleError('OPTION_INVALID', option, detail);
}

/** An object that is no array: options, or a map by name. */
export function requireRecord<T extends object>(option: string, value: T): T {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? value : refuse(option, 'must be an object');
}

/** `requireRecord`, with no names but the known ones: a misspelt option must not be a silent default. */
export function requireKnown<T extends object>(option: string, value: T, known: readonly string[]): T {
  for (const name of Object.keys(requireRecord(option, value))) {
    if (!known.includes(name)) refuse(`${option}.${name}`, 'there is no such option');
  }
  return value;
}

export function requireArray<T>(option: string, value: readonly T[]): readonly T[] {
  // Copied by index: the holes of a sparse array become undefined, which no check lets pass.
  return Array.isArray(value) ? Array.from(value) : refuse(option, 'must be an array');
}

export function requireText(option: string, value: unknown): string {
  if (typeof value !== 'string') return refuse(option, 'is not a string');
  return value.includes('\0') ? refuse(option, 'contains a NUL character') : value;
}

export function requireBoolean(option: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : refuse(option, 'is not a boolean');
}

export function requireInteger(option: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  return refuse(option, `must be a whole number between ${min} and ${max}, not ${printable(value)}`);
}

export function requireOneOf<T extends string>(option: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  return refuse(option, `must be one of ${choices.join(', ')}, not ${printable(value)}`);
}

/** A time limit in milliseconds, or null when none is given. */
export function requireLimit(option: string, value: number | undefined): number | null {
  if (value === undefined) return null;
  const isLimit = typeof value === 'number' && value > 0 && value <= MAX_LIMIT_MS;
  return isLimit
    ? value
    : refuse(option, `must be a number of milliseconds above 0, at most ${MAX_LIMIT_MS}`);
}

/** Total, unlike `String`: there are objects that cannot be made into a string, and they may have that fail in any way. */
export function printable(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `[${typeof value}]`;
  }
}

/** The text, or as much of it as `maxCharacters` allow, with a mark that there was more. */
export function shortened(text: string, maxCharacters: number): string {
  return text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters - 3)}...`;
}
