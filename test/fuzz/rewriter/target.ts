// The rewriter under mutated and made-up modules: it accepts what the engine accepts, gives its reason for what else it refuses, and of every
// few accepted ones the state is captured and restored. Nothing but a RekindleError may come out of it.
import fc from 'fast-check';
import { RekindleError } from '#runtime/errors.js';
import { type PreparedModule, prepareModule } from '#runtime/image/prepare.js';
import type { SeededRandom } from '#test/support/seeded-random.js';
import { assemble } from '#test/support/wasm-assembler.js';
import { shape, source } from '#test/unit/image/any-segments.js';
import { demand, type Tally } from '../tally.js';
import { anyModule } from './any-module.js';
import { demandSegmentsTrap, demandStateIsKept } from './judge.js';
import { mutate } from './mutations.js';
import { type Specimens, specimens } from './specimens.js';

const CULPRIT = 'm.wasm';
const PAGE_BYTES = 65_536;
const QUOTA_BYTES = 64 * PAGE_BYTES;
/** Of those accepted, one in so many is instantiated. */
const INSTANTIATE_EVERY = 8;
const ORIGINS = { small: 55, made: 30, segments: 1, compiled: 4 } as const;
/** Of a made-up module, one in so many stays as it is. */
const WHOLE_EVERY = 2;
/** What preparing may add to a module: a name for each of its globals, tables and segments, and code to reach some of them. */
const GROWTH = { factor: 40, bytes: 4096 } as const;
const REFUSALS: readonly string[] = ['MODULE_UNSUPPORTED', 'MODULE_OVER_QUOTA', 'IMPORT_UNRESOLVED'];

export class RewriterTarget implements Disposable {
  readonly #specimens: Specimens;

  static async make(): Promise<RewriterTarget> {
    return new RewriterTarget(await specimens());
  }

  private constructor(known: Specimens) {
    this.#specimens = known;
  }

  run(random: SeededRandom, tally: Tally): void {
    const origin = random.weighted(ORIGINS);
    const bytes = new Uint8Array(this.#module(origin, random));
    tally.begin(`a module of ${bytes.length} bytes, ${origin}`);
    const isValid = WebAssembly.validate(bytes);
    const prepared = this.#prepare(bytes, isValid, tally);
    if (prepared === null) return;
    demand(isValid, () => 'it is accepted, and the engine refuses it');
    const limitBytes = GROWTH.factor * bytes.length + GROWTH.bytes;
    demand(prepared.bytes.length <= limitBytes, () => `prepared, it takes ${prepared.bytes.length} bytes`);
    const memoryBytes = prepared.first.memories.reduce((sum, memory) => sum + memory.memoryBytes, 0);
    demand(memoryBytes <= QUOTA_BYTES, () => 'its memories are over its quota');
    tally.saw(`accepted, ${origin}`);
    if (random.below(INSTANTIATE_EVERY) === 0) demandStateIsKept(bytes, prepared, random, tally);
  }

  [Symbol.dispose](): void {}

  #module(origin: keyof typeof ORIGINS, random: SeededRandom): Uint8Array {
    const { small, compiled } = this.#specimens;
    const mutated = (bytes: Uint8Array, donors: readonly Uint8Array[]): Uint8Array =>
      mutate(bytes, donors, random);
    switch (origin) {
      case 'small':
        return mutated(random.oneOf(small), small);
      case 'compiled':
        return mutated(random.oneOf(compiled), compiled);
      case 'segments': {
        const [made] = fc.sample(shape, { seed: random.below(2 ** 31), numRuns: 1 });
        return made === undefined ? assemble({}) : assemble(source(made));
      }
      case 'made': {
        const made = assemble(anyModule(random));
        return random.below(WHOLE_EVERY) === 0
          ? made
          : mutated(made, [...small, assemble(anyModule(random))]);
      }
    }
  }

  /** Null when it is refused, and may be. */
  #prepare(bytes: Uint8Array<ArrayBuffer>, isValid: boolean, tally: Tally): PreparedModule | null {
    try {
      return prepareModule(bytes, CULPRIT, { memoryQuotaBytes: QUOTA_BYTES });
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      const { code, message } = error;
      if (!isValid) {
        demand(code === 'MODULE_MALFORMED', () => `the engine refuses it, and it is ${message}`);
        tally.saw(`refused by both: ${code}`);
        return null;
      }
      const reason = message
        .slice(`${code}: ${CULPRIT}: `.length)
        .replace(/^.*: it is a global, and no value is given$/, 'imports a global')
        .replace(/\d+/g, 'N');
      if (code === 'MODULE_MALFORMED') {
        demand(
          reason.startsWith('its segments do not fit'),
          () => `the engine takes it, and it is ${message}`,
        );
        demandSegmentsTrap(bytes, tally);
      } else demand(REFUSALS.includes(code), () => `it is refused for ${message}`);
      tally.saw(`refused: ${code}: ${reason.slice(0, 90)}`);
      return null;
    }
  }
}
