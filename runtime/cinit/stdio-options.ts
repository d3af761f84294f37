// Where the standard streams of a process lead, as an embedder says it: routes, which are written down with the process, and what stands
// behind them, which cannot be. Nothing is read or written here.
import { Readable, Writable } from 'node:stream';
import { refuse, requireKnown } from '../checks.ts';
import { BoundedOutput } from '../process/bounded-output.ts';
import { BytesSource, StreamSource } from '../process/input-source.ts';
import type { InputRoute, OutputRoute, OutputSink, StdioEnds, StdioRoutes } from '../process/stdio.ts';
import { outliveErrors } from '../process/stream-errors.ts';
import { uncaught } from '../process/uncaught.ts';

/**
 * `site` (default): the site's `output`. `inherit`: the host's own stream. `ignore`: nowhere. `capture`: kept, the newest MiB of it, for
 * `process.takeOutput`. A stream is not made to hold more than a few MB for a slow reader; one that has failed or ended takes nothing more.
 */
export type OutputOption =
  | 'site'
  | 'inherit'
  | 'ignore'
  | 'capture'
  | Writable
  | ((bytes: Uint8Array) => void);

/**
 * `empty` (default): at its end. `inherit`: the host's own. Bytes are there for every run from the beginning; what is read of a stream is
 * gone, and a guest in a thread waits for it. A guest inline cannot, and gets EAGAIN.
 */
export type InputOption = 'empty' | 'inherit' | Uint8Array | Readable;

/** Streams, bytes and functions cannot be written down: a process that comes back with a site has `empty` and `site` in their place. */
export interface StdioOptions {
  readonly stdin?: InputOption;
  readonly stdout?: OutputOption;
  readonly stderr?: OutputOption;
}

const OUTPUT_ROUTES: readonly OutputRoute[] = ['site', 'inherit', 'ignore', 'capture'];
const INPUT_ROUTES: readonly InputRoute[] = ['empty', 'inherit'];

/** Throws OPTION_INVALID, naming the option. */
export function stdioFromOptions(given: StdioOptions): {
  readonly routes: StdioRoutes;
  readonly ends: StdioEnds;
} {
  const {
    stdin = 'empty',
    stdout = 'site',
    stderr = 'site',
  } = requireKnown('stdio', given, ['stdin', 'stdout', 'stderr']);
  const input = inputOf(stdin);
  const outputs = { stdout: outputOf('stdio.stdout', stdout), stderr: outputOf('stdio.stderr', stderr) };
  return {
    routes: { stdin: input.route, stdout: outputs.stdout.route, stderr: outputs.stderr.route },
    ends: { stdin: input.source, stdout: outputs.stdout.sink, stderr: outputs.stderr.sink },
  };
}

function inputOf(given: InputOption): {
  readonly route: InputRoute;
  readonly source: StdioEnds['stdin'];
} {
  if (given instanceof Uint8Array) return { route: 'given', source: new BytesSource(given) };
  if (given instanceof Readable) return { route: 'given', source: new StreamSource(given) };
  if (INPUT_ROUTES.includes(given)) return { route: given, source: null };
  return refuse('stdio.stdin', `must be ${INPUT_ROUTES.join(', ')}, bytes or a readable stream`);
}

function outputOf(
  option: string,
  given: OutputOption,
): { readonly route: OutputRoute; readonly sink: OutputSink | null } {
  if (typeof given === 'function')
    return { route: 'given', sink: { isTerminal: false, write: (bytes) => uncaught(() => given(bytes)) } };
  if (given instanceof Writable) {
    // What waits in a stream of objects is counted in objects, however large they are.
    if (given.writableObjectMode) return refuse(option, 'must be a stream of bytes, not of objects');
    outliveErrors(given);
    const output = new BoundedOutput(given);
    const isTerminal = 'isTTY' in given && given.isTTY === true;
    return { route: 'given', sink: { isTerminal, write: (bytes) => uncaught(() => output.write(bytes)) } };
  }
  if (OUTPUT_ROUTES.includes(given)) return { route: given, sink: null };
  return refuse(option, `must be ${OUTPUT_ROUTES.join(', ')}, a function or a writable stream`);
}
