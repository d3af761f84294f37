// The command line of the benchmark: what it takes, and that it refuses the rest.
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../../bench/options.js';

describe('parseOptions', () => {
  it.each([
    [[], { jsonFile: null, only: null, seconds: 240, tolerances: 'ignore', isHelpWanted: false }],
    [
      ['--json', 'out.json'],
      { jsonFile: 'out.json', only: null, seconds: 240, tolerances: 'ignore', isHelpWanted: false },
    ],
    [
      ['--only', 'thread', '--seconds', '0.5'],
      { jsonFile: null, only: 'thread', seconds: 0.5, tolerances: 'ignore', isHelpWanted: false },
    ],
    [['--check'], { jsonFile: null, only: null, seconds: 240, tolerances: 'compare', isHelpWanted: false }],
    [['--help'], { jsonFile: null, only: null, seconds: 240, tolerances: 'ignore', isHelpWanted: true }],
    [['--accept'], { jsonFile: null, only: null, seconds: 240, tolerances: 'accept', isHelpWanted: false }],
  ])('%j', (args, expected) => {
    expect(parseOptions(args)).toEqual(expected);
  });

  it.each([
    ['--seconds', '0'],
    ['--seconds', '3601'],
    ['--seconds', 'ten'],
    ['--seconds', ''],
    ['--only'],
    ['--check', '--accept'],
    ['--check=yes'],
    ['--onyl', 'thread'],
    ['thread'],
  ])('refuses %s %s', (...args) => {
    expect(() => parseOptions(args)).toThrow();
  });
});
