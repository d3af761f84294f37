// How the tests run: the compiled ones, in processes of their own, and with the closing line after everything else.
// Three workers: two processors are kept busy though some tests wait for seconds, and no test fails because others keep it waiting.
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that run for long, whatever their size, by which Vitest orders those it knows nothing of. */
const LONG = /(?:crash-\w+|endurance|example-programs|fuzz-targets|keeper|ruby|sqlite)\.test\.js$/;

/** Begins with those that run for long: at the end, each would leave one of two processors idle. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    reporters: ['default', './dist/test/support/closing-line-reporter.js'],
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongFirst },
    projects: [
      {
        // Files that leave nothing behind in their process, and so share two: starting one costs half a second of a processor.
        extends: true,
        test: {
          name: 'unit',
          include: [
            'dist/test/{unit,style,contract}/**/*.test.js',
            'dist/test/{crash,differential}/**/*.test.js',
          ],
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Whole sites, their threads and programs: a process for each file.
        extends: true,
        test: { name: 'scenario', include: ['dist/test/scenario/**/*.test.js'], sequence: { groupOrder: 0 } },
      },
    ],
  },
});
