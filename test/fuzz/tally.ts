// What a fuzz target says of one case: how much it tried, what it saw by kind, and what is wrong. It must hold nothing of the case but that.

/** Something is not as it has to be. */
export class Finding extends Error {}

/** Throws a Finding that says what is wrong. */
export function demand(isSo: boolean, what: () => string): asserts isSo {
  if (!isSo) throw new Finding(what());
}

export class Tally {
  readonly #counts = new Map<string, number>();
  #executions = 0;
  #doing = 'nothing yet';

  get executions(): number {
    return this.#executions;
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** What was being tried last: told with whatever goes wrong. */
  get doing(): string {
    return this.#doing;
  }

  /** Begins one execution. */
  begin(doing: string): void {
    this.#executions += 1;
    this.#doing = doing;
  }

  /** Something of that kind was seen. */
  saw(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }
}
