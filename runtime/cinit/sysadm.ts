// Runs sysadm.ini, the commands a site begins with (reference, section 4.2). A line that fails is told and counted, and never keeps
// the next one from being run; on a hot start nothing is started that the system restarts by itself.
import { RekindleError } from '../errors.ts';
import type { CommandFailure } from './command-failure.ts';
import { type Command, parseCommand } from './command-line.ts';
import { onOneLine, splitLines } from './command-words.ts';
import { type CommandSite, Commands, type ConsoleWriter } from './commands.ts';

/** Its name in stable storage. */
export const SYSADM_FILE = 'sysadm.ini';

export interface SysadmRun {
  /** Content of the file. What was not UTF-8 in it is an unpaired surrogate here, and is refused with its line. */
  readonly text: string;
  /** `hot`: the site comes back from its bank. `arun -g` lines are not run then, but counted and told; all others are run again. */
  readonly start: 'cold' | 'hot';
  readonly site: CommandSite;
  readonly console: ConsoleWriter;
}

/** Runs every line, one after another. Resolves with what failed, in the order of the lines; each has been told on the console. */
export async function runSysadm({
  text,
  start,
  site,
  console,
}: SysadmRun): Promise<readonly CommandFailure[]> {
  const failures: CommandFailure[] = [];
  const fail = (line: number, command: string, error: RekindleError): void => {
    const reason = onOneLine(error.message);
    failures.push({ line, command: onOneLine(command), reason });
    console(`C_INIT: ${SYSADM_FILE}${line === 0 ? '' : `:${line}`}: ${reason}\n`);
  };
  const lines = attempt(() => splitLines(SYSADM_FILE, text));
  if (lines instanceof RekindleError) {
    fail(0, '', lines);
    return failures;
  }
  const commands = new Commands(site, console);
  let ignoredCount = 0;
  for (const [index, line] of lines.entries()) {
    const command = attempt(() => parseCommand(line));
    if (command === null) continue;
    if (command instanceof RekindleError) fail(index + 1, line, command);
    else if (start === 'hot' && startsRestartable(command)) ignoredCount += 1;
    else {
      const outcome = await commands.run(command);
      if (!outcome.ok) fail(index + 1, line, outcome.error);
    }
  }
  // Else a line that has been added or mended since the cold start would do nothing, and nobody would know.
  if (ignoredCount > 0) {
    const ignored = `${ignoredCount} arun -g ${ignoredCount === 1 ? 'line' : 'lines'}`;
    console(`C_INIT: ${SYSADM_FILE}: ${ignored} not run: hot start\n`);
  }
  return failures;
}

/** Whether the command is an `arun -g`: its process is in the bank, and comes back from there. */
function startsRestartable(command: Command): boolean {
  return command.kind === 'arun' && command.options.group !== undefined;
}

function attempt<T>(action: () => T): T | RekindleError {
  try {
    return action();
  } catch (error) {
    if (error instanceof RekindleError) return error;
    throw error;
  }
}
