// What the programs of this project's checks share in reading their command lines. It must never take an error of the program itself for one of
// whoever has called it.

/** Of a command line that means nothing. */
const EXIT_USAGE = 2;

/** Null when it is not given. Throws RangeError for what is no whole number of at least `min`. */
export function wholeNumber(name: string, text: string | undefined, min = 0): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min && text !== '') return value;
  throw new RangeError(`${name} must be a whole number of at least ${min}, not ${text}`);
}

/** What `parse` makes of the command line. Where it throws TypeError or RangeError, says that and how it is used: null, and an exit code. */
export function optionsOrUsage<Options>(
  parse: (args: readonly string[]) => Options,
  usage: string,
): Options | null {
  try {
    return parse(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    console.error(`${error.message}\n${usage}`);
    process.exitCode = EXIT_USAGE;
    return null;
  }
}
