// Runs one command with Node's own WASI, in a process of its own: what the same program does elsewhere. Told by its arguments: the module, the
// directory that is `/files` to it, and then its arguments. It must add nothing to what the guest writes.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [, , module = '', work = '', ...args] = process.argv;
const wasi = new WASI({
  version: 'preview1',
  args: ['guest.wasm', ...args],
  env: { NAME: 'a value', EMPTY: '' },
  preopens: { '/files': work },
  returnOnExit: true,
});
const instance = new WebAssembly.Instance(
  new WebAssembly.Module(readFileSync(module)),
  wasi.getImportObject() as WebAssembly.Imports,
);
process.exitCode = wasi.start(instance);
