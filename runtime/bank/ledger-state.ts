// What is written down in a ledger, in memory: for each key the JSON text of its value, so that a snapshot costs no encoding and what
// was read cannot be changed from outside. It knows nothing of files.
import { invariant } from '../invariant.ts';
import type { JsonValue, LedgerChange } from './ledger-records.ts';

interface Entry {
  readonly valueText: string;
  /** In a snapshot, with the comma. */
  readonly sizeBytes: number;
}

/** One change as it stands in a payload. */
export type ChangeText = string;

const REMOVED = 'null';
const BRACKETS_BYTES = 2;

export class LedgerState {
  /** Keys in the order in which they were first written down, or again after a removal. */
  readonly #entries = new Map<string, Entry>();
  #snapshotBytes = BRACKETS_BYTES;

  /** At least as many as the payload of a snapshot has. */
  get snapshotBytes(): number {
    return this.#snapshotBytes;
  }

  get(key: string): JsonValue | null {
    const entry = this.#entries.get(key);
    return entry === undefined ? null : JSON.parse(entry.valueText);
  }

  entries(prefix: string): readonly (readonly [key: string, value: JsonValue])[] {
    return [...this.#entries]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { valueText }]) => [key, JSON.parse(valueText)]);
  }

  /** Makes the changes, in order; returns those that said something new. */
  apply(changes: readonly LedgerChange[]): readonly ChangeText[] {
    const texts = changes.map(({ key, value }) => ({ key, valueText: encode(value) }));
    const news: ChangeText[] = [];
    for (const { key, valueText } of texts) {
      if (valueText === (this.#entries.get(key)?.valueText ?? REMOVED)) continue;
      const text = changeText(key, valueText);
      this.#set(key, valueText, text);
      news.push(text);
    }
    return news;
  }

  snapshot(): readonly ChangeText[] {
    return [...this.#entries].map(([key, { valueText }]) => changeText(key, valueText));
  }

  #set(key: string, valueText: string, text: ChangeText): void {
    this.#snapshotBytes -= this.#entries.get(key)?.sizeBytes ?? 0;
    if (valueText === REMOVED) {
      this.#entries.delete(key);
      return;
    }
    const sizeBytes = Buffer.byteLength(text) + 1;
    this.#entries.set(key, { valueText, sizeBytes });
    this.#snapshotBytes += sizeBytes;
  }
}

/** The payload of a frame. */
export function payloadOf(changes: readonly ChangeText[]): Uint8Array {
  return Buffer.from(`[${changes.join(',')}]`);
}

function changeText(key: string, valueText: string): ChangeText {
  return `[${JSON.stringify(key)},${valueText}]`;
}

function encode(value: JsonValue | null): string {
  const text: string | undefined = JSON.stringify(value);
  invariant(text !== undefined, 'what is written down is JSON');
  return text;
}
