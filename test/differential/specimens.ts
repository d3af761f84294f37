// The hand-written set as a whole.
import type { Specimen } from './specimen.js';
import { SPECIMENS_OF_OBJECTS } from './specimens-of-objects.js';
import { SPECIMENS_OF_PROPOSALS } from './specimens-of-proposals.js';
import { SPECIMENS_OF_TODAY } from './specimens-of-today.js';

export const SPECIMENS: readonly Specimen[] = [
  ...SPECIMENS_OF_TODAY,
  ...SPECIMENS_OF_PROPOSALS,
  ...SPECIMENS_OF_OBJECTS,
];
