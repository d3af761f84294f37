// The host's own standard streams, as guests have them. What guests write never makes the host hold more than the limit for a slow reader;
// nothing is read before a guest asks.
import { isatty } from 'node:tty';
import { BoundedOutput } from './process/bounded-output.ts';
import { type InputSource, StreamSource } from './process/input-source.ts';
import type { OutputSink } from './process/stdio.ts';

const STDIN_FD = 0;
let stdin: InputSource | null = null;

/** What is open only because a guest may read it does not keep the host alive: a guest that waits for it does. */
function hostInput(): InputSource {
  // A file has no handle to be kept alive by.
  if ('unref' in process.stdin) process.stdin.unref();
  return new StreamSource(process.stdin);
}

function hostOutput(stream: NodeJS.WriteStream): OutputSink {
  const output = new BoundedOutput(stream);
  return { isTerminal: stream.isTTY === true, write: (bytes) => output.write(bytes) };
}

/** Of this program. */
export const HOST_STDIO = Object.freeze({
  /** To look at `process.stdin` opens it: not before it is needed. */
  stdin: {
    get isTerminal() {
      return isatty(STDIN_FD);
    },
    read(...parameters: Parameters<InputSource['read']>) {
      stdin ??= hostInput();
      return stdin.read(...parameters);
    },
  } satisfies InputSource,
  stdout: hostOutput(process.stdout),
  stderr: hostOutput(process.stderr),
});
