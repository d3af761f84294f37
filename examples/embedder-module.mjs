// The import module of embedder-imports.mjs. Its default export is called once for each process, in the thread of the guest, and
// returns functions by import module and name. It must not keep the memory: that may grow, and is put back by a restart.
import { writeSync } from 'node:fs';

const STANDARD_OUTPUT = 1;

export default function makeImports(guest) {
  return {
    journal: {
      entry(text, sizeBytes) {
        const bytes = guest.memory().slice(text >>> 0, (text + sizeBytes) >>> 0);
        // At once: a thread that is ended would take what it has not yet written with it.
        writeSync(STANDARD_OUTPUT, `${guest.processName}: ${Buffer.from(bytes).toString()}\n`);
      },
    },
  };
}
