// What a ledger holds and what is changed in it, as plain data. Nothing here knows what a key or a value means, and nothing here
// may come to depend on how it is written down.

/** A value as JSON can carry it: no NaN, no undefined. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

export interface LedgerChange {
  readonly key: string;
  /** null: the key is removed. */
  readonly value: JsonValue | null;
}

/** One of the two copies was damaged; it has been made whole again from the other. `acknowledgement`: what was noted of the end in both. */
export interface LedgerLoss {
  readonly kind: 'ledger-copy';
  readonly name: string;
  readonly reason: string;
}
