// Makes FIFOs, for tests that put one where a file should be. Through the system's own library: no program of the machine is needed.
import koffi from 'koffi';

/** Makes a FIFO at `path`; throws when the system refuses. Linux and macOS. */
export function makeFifo(path: string): void {
  const mkfifo = koffi.load(null).func('int mkfifo(const char *path, unsigned int mode)');
  if (mkfifo(path, 0o600) !== 0) throw new Error(`no FIFO could be made at ${path}`);
}
