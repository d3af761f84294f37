// How the tests run: the compiled ones, in processes of their own, and with the closing line after everything else.
// Two workers at most: tests that measure time bounds must not starve one another.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    reporters: ['default', './dist/test/support/closing-line-reporter.js'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
