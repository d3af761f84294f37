// What a run was made on, in one line and in the JSON. It looks and must never change anything.
import { cpus, release, totalmem } from 'node:os';

const BYTES_PER_GIB = 1024 ** 3;

/** Engine, system, processors and memory. */
export function describeMachine(): string {
  const processors = cpus();
  const memory = `${(totalmem() / BYTES_PER_GIB).toFixed(0)} GiB`;
  return `Node ${process.version}, ${process.platform} ${release()}, ${processors.length} x ${processors[0]?.model ?? 'unknown'}, ${memory}`;
}
