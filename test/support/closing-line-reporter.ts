// A Vitest reporter whose one line is the very last of a run: `N passed, N failed`, and `, N skipped` where any are. It must
// never claim success for a run that did not end, ran nothing, or failed outside of any test.
import type { Reporter, TestModule } from 'vitest/node';

interface Tally {
  readonly passedCount: number;
  readonly failedCount: number;
  readonly skippedCount: number;
}

/** Counts tests; every error outside of a test (a hook's, a file's, an unhandled one) counts as one more failure. */
function tally(modules: readonly TestModule[], unhandledErrorCount: number): Tally {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  const count = (state: string) => tests.filter((test) => test.result().state === state).length;
  const passedCount = count('passed');
  const skippedCount = count('skipped');
  const suiteErrorCount = suites.reduce((sum, suite) => sum + suite.errors().length, 0);
  // A test that was never brought to an end is neither passed nor skipped, and so a failure.
  return {
    passedCount,
    failedCount: tests.length - passedCount - skippedCount + suiteErrorCount + unhandledErrorCount,
    skippedCount,
  };
}

function closingLine({ passedCount, failedCount, skippedCount }: Tally): string {
  const skipped = skippedCount > 0 ? `, ${skippedCount} skipped` : '';
  return `${passedCount} passed, ${failedCount} failed${skipped}`;
}

export default class ClosingLineReporter implements Reporter {
  // What counts when the run never comes to its end.
  #tally: Tally = { passedCount: 0, failedCount: 1, skippedCount: 0 };

  onInit(): void {
    // Nothing is printed after the listeners of 'exit', and they cannot wait: standard output is written synchronously here.
    process.once('exit', (status) => {
      const { passedCount, failedCount, skippedCount } = this.#tally;
      const ranNothing = passedCount + failedCount + skippedCount === 0;
      const failedUnseen = failedCount === 0 && (status !== 0 || ranNothing);
      const final = failedUnseen ? { ...this.#tally, failedCount: 1 } : this.#tally;
      if (final.failedCount > 0) process.exitCode = status === 0 ? 1 : status;
      process.stdout.write(`${closingLine(final)}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#tally = tally(modules, unhandledErrors.length);
  }
}
