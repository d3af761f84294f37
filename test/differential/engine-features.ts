// What the running engine knows of WebAssembly beyond its first version, found out by asking it: each feature with a module that is valid only
// with it. It must never look at a version, since flags and builds differ.
import { PREAMBLE, section, vector } from '#test/support/wasm-assembler.js';

const NO_TYPE = section(1, vector([[0x60, 0, 0]]));
const ONE_FUNCTION = section(3, vector([[0]]));
const code = (...body: readonly number[]) => section(10, vector([[body.length + 2, 0, ...body, 0x0b]]));

const FEATURES = {
  'sign-ext': [NO_TYPE, ONE_FUNCTION, code(0x41, 0, 0xc0, 0x1a)],
  'mutable-globals': [section(6, vector([[0x7f, 1, 0x41, 0, 0x0b]])), section(7, vector([[1, 0x67, 3, 0]]))],
  'nontrapping-float-to-int': [NO_TYPE, ONE_FUNCTION, code(0x43, 0, 0, 0, 0, 0xfc, 0, 0x1a)],
  simd: [section(1, vector([[0x60, 1, 0x7b, 0]]))],
  'bulk-memory': [
    NO_TYPE,
    ONE_FUNCTION,
    section(5, vector([[0, 1]])),
    code(...[0x41, 0, 0x41, 0, 0x41, 0], 0xfc, 11, 0),
  ],
  multivalue: [section(1, vector([[0x60, 0, 2, 0x7f, 0x7f]])), ONE_FUNCTION, code(0x41, 0, 0x41, 0)],
  'reference-types': [section(1, vector([[0x60, 1, 0x6f, 0]]))],
  'tail-call': [NO_TYPE, ONE_FUNCTION, code(0x12, 0)],
  'legacy-exceptions': [NO_TYPE, ONE_FUNCTION, code(0x06, 0x40, 0x19, 0x0b)],
  'exception-handling': [
    NO_TYPE,
    ONE_FUNCTION,
    section(4, vector([[0x69, 0, 0]])),
    code(0x1f, 0x40, 0, 0x0b),
  ],
  'extended-const': [section(6, vector([[0x7f, 0, 0x41, 0, 0x41, 0, 0x6a, 0x0b]]))],
  'relaxed-simd': [
    NO_TYPE,
    ONE_FUNCTION,
    code(...[0x41, 0, 0xfd, 15, 0x41, 0, 0xfd, 15], 0xfd, 0x80, 0x02, 0x1a),
  ],
  'typed-references': [NO_TYPE, section(6, vector([[0x63, 0, 1, 0xd0, 0, 0x0b]]))],
  gc: [section(1, vector([[0x5f, 0]]))],
  memory64: [section(5, vector([[4, 1]]))],
  table64: [section(4, vector([[0x70, 4, 1]]))],
  multimemory: [
    section(
      5,
      vector([
        [0, 1],
        [0, 1],
      ]),
    ),
  ],
} as const;

export type EngineFeature = keyof typeof FEATURES;

export const KNOWN_FEATURES = Object.keys(FEATURES) as readonly EngineFeature[];

export const ENGINE_FEATURES: readonly EngineFeature[] = KNOWN_FEATURES.filter((feature) =>
  WebAssembly.validate(Uint8Array.from([PREAMBLE, ...FEATURES[feature]].flat())),
);
