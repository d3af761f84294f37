// Where the guests of the tests lie, compiled by `npm run build` (guests/build.mjs) as the samples are. It must compile nothing: a process that
// loads a compiler for one guest takes longer over it than the build over all of them.
import { join } from 'node:path';
import { ROOT } from './run-program.js';

/** Stable storage with `<name>.wasm` for each of test/guests. */
export const TEST_GUESTS = join(ROOT, 'dist/test/guests');
