// Keeps the generated code of import functions by its form: processes and modules with alike imports share it. It must never keep more than
// its bound, whatever modules are loaded one after another.
import { MAX_KEPT_IMPORTS } from '../limits.ts';
import { importsMaker } from './generated-calls.ts';

type Maker = ReturnType<typeof importsMaker>;

interface KeptMaker {
  readonly maker: Maker;
  readonly importCount: number;
}

export class ImportMakers {
  /** From the one that was made first to the one that was made last. */
  readonly #kept = new Map<string, KeptMaker>();
  readonly #maxImports: number;
  #importCount = 0;

  constructor(maxImports = MAX_KEPT_IMPORTS) {
    this.#maxImports = maxImports;
  }

  /** Import functions whose code is kept. */
  get importCount(): number {
    return this.#importCount;
  }

  /** What `importsMaker` makes, or has made before. */
  maker(parameterCounts: readonly number[], exchanging: boolean): Maker {
    const key = `${exchanging} ${parameterCounts.join()}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept.maker;
    const maker = importsMaker(parameterCounts, exchanging);
    this.#keep(key, { maker, importCount: parameterCounts.length });
    return maker;
  }

  #keep(key: string, made: KeptMaker): void {
    if (made.importCount > this.#maxImports) return;
    this.#kept.set(key, made);
    this.#importCount += made.importCount;
    for (const [oldest, { importCount }] of this.#kept) {
      if (this.#importCount <= this.#maxImports) break;
      this.#kept.delete(oldest);
      this.#importCount -= importCount;
    }
  }
}
