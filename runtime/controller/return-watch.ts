// Finds the group that takes the site down while it is put back inline: who was being launched is written down first, so that the next
// opening knows. It must never hold against a group what happens when nothing of it is being launched.
import type { Ledger } from '../bank/ledger.ts';
import { RecordReader } from '../bank/record-reader.ts';

/** Key of the group that is being launched in the host's own thread. */
const RETURNING_KEY = 'returning';
/** Sites that may die while they launch one group; then it is left out, so that the others come back. */
const MAX_DEATHS = 2;

/** A group during whose launch a site has died, and how many have in a row. */
interface Suspect {
  readonly group: number;
  readonly deaths: number;
}

export class ReturnWatch {
  readonly #ledger: Ledger;
  readonly #suspect: Suspect | null;
  #isWatching = false;

  /** Throws BANK_DAMAGED for a record that is none. */
  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#suspect = suspectIn(ledger);
  }

  /** The group that is not to be put back again, and why; null when there is none. */
  get condemned(): { readonly group: number; readonly reason: string } | null {
    if (this.#suspect === null || this.#suspect.deaths <= MAX_DEATHS) return null;
    const { group, deaths } = this.#suspect;
    return { group, reason: `${deaths} sites in a row have died while it was put back` };
  }

  /** From now until `end`, launches are written down. */
  begin(): void {
    this.#isWatching = true;
  }

  /** A process of the group is about to run in this thread. */
  launching(group: number): void {
    if (!this.#isWatching) return;
    const before = this.#suspect?.group === group ? this.#suspect.deaths : 0;
    this.#ledger.commit([{ key: RETURNING_KEY, value: { group, deaths: before + 1 } }]);
  }

  /** All that is launched in this thread has been. */
  end(): void {
    this.#isWatching = false;
    this.#ledger.commit([{ key: RETURNING_KEY, value: null }]);
  }
}

function suspectIn(ledger: Ledger): Suspect | null {
  const value = ledger.get(RETURNING_KEY);
  if (value === null) return null;
  const record = new RecordReader(RETURNING_KEY, value);
  return {
    group: record.integer('group', 0, Number.MAX_SAFE_INTEGER),
    deaths: record.integer('deaths', 1, Number.MAX_SAFE_INTEGER),
  };
}
