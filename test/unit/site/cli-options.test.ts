// The command line: what each argument becomes, what is refused and in which words, and that options written down for a child are
// read there as the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  argumentsOf,
  helpText,
  keeperPolicy,
  parseCommandLine,
  type RunOptions,
  SETTING_NAMES,
  type SettingName,
  siteSettings,
  UsageError,
} from '#runtime/cli-options.js';
import { DEFAULT_KEEPER_POLICY } from '#runtime/keeper/keeper-policy.js';
import { LIMIT_BOUNDS } from '#runtime/limits.js';
import { checkSiteOptions } from '#runtime/site-options.js';
import { anyText } from '#test/support/any-text.js';

const DEFAULTS: RunOptions = {
  storage: 'guests',
  bank: null,
  cold: false,
  keep: false,
  backend: 'auto',
  sync: 'auto',
  settings: new Map(),
};

function parse(...args: readonly string[]) {
  return parseCommandLine(['run', '--storage', 'guests', ...args]);
}

function refusal(args: readonly string[]): string {
  try {
    parseCommandLine(args);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('it was expected to be refused');
}

describe('accepted', () => {
  it.each<[readonly string[], Partial<RunOptions>]>([
    [[], {}],
    [['--bank', '/dev/shm/b'], { bank: '/dev/shm/b' }],
    [['--cold', '--keep'], { cold: true, keep: true }],
    [['--backend=copied', '--sync=none'], { backend: 'copied', sync: 'none' }],
    [
      ['--set', 'hrCtrl.maxBadness=0', '--set=keeper.watchdog=0'],
      {
        settings: new Map<SettingName, number>([
          ['hrCtrl.maxBadness', 0],
          ['keeper.watchdog', 0],
        ]),
      },
    ],
  ])('%j', (args, expected) => {
    expect(parse(...args)).toEqual({ kind: 'run', options: { ...DEFAULTS, ...expected } });
  });

  it.each([
    [['--help'], 'help'],
    [['run', '--help'], 'help'],
    [['--version'], 'version'],
  ])('%j', (args, kind) => {
    expect(parseCommandLine(args)).toEqual({ kind });
  });
});

describe('refused, each by its name and in one line', () => {
  it.each<[readonly string[], RegExp]>([
    [[], /^no command is given$/],
    [['start'], /^there is no command 'start'$/],
    [['run'], /^run needs --storage$/],
    [['run', '--storage'], /--storage/],
    [['run', '--storage='], /^--storage is empty$/],
    [['run', '--storage', 'a\0b'], /^--storage contains a NUL character$/],
    [['run', '--storage', 'x', 'y'], /^run takes no argument 'y'$/],
    [['run', '--storage', 'x', '--bank='], /^--bank is empty$/],
    [['run', '--storage', 'x', '--bakend', 'auto'], /^there is no option '--bakend'$/],
    [['run', '--storage', 'x', '-x'], /^there is no option '-x'$/],
    [['run', '--storage', 'x', '--cold=yes'], /--cold/],
    [['run', '--storage', 'x', '--storage=y'], /^--storage is given twice$/],
    [['run', '--storage', 'x', '--keep', '--keep'], /^--keep is given twice$/],
    [
      ['run', '--storage', 'x', '--set', 'keeper.watchdog=99'],
      /must be a whole number, 0, or 100 to 2147483647$/,
    ],
    [
      ['run', '--storage', 'x', '--backend', 'disk'],
      /^--backend must be one of auto, mapped, copied, not 'disk'$/,
    ],
    [['run', '--storage', 'x', '--sync', ''], /^--sync must be one of auto, commit, none, not ''$/],
    [['run', '--storage', 'x', '--set', 'hrCtrl.maxBadness'], /^--set hrCtrl.maxBadness: is not NAME=VALUE$/],
    [['run', '--storage', 'x', '--set', 'hrCtrl.badness=1'], /there is no setting 'hrCtrl.badness'$/],
    [['run', '--storage', 'x', '--set', 'toString=1'], /there is no setting 'toString'$/],
    [['run', '--storage', 'x', '--set', 'keeper.interval=0'], /must be a whole number, 1 to 2147483647$/],
    [['run', '--storage', 'x', '--set', 'keeper.maxDeaths='], /must be a whole number, 0 to 10000$/],
    [['run', '--storage', 'x', '--set', 'keeper.maxDeaths=1.5'], /must be a whole number/],
    [['run', '--storage', 'x', '--set', 'keeper.maxDeaths=1e1'], /must be a whole number/],
    [['run', '--storage', 'x', '--set', 'keeper.maxDeaths=-1'], /must be a whole number/],
    [
      ['run', '--storage', 'x', '--set', 'site.interval=1', '--set', 'site.interval=2'],
      /^--set site.interval=2: site.interval is given twice$/,
    ],
  ])('%j', (args, expected) => {
    const message = refusal(args);
    expect(message).toMatch(expected);
    expect(message).not.toContain('\n');
  });

  it('anything else is read or refused, and nothing else is thrown', () => {
    const words = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'run',
        '--storage',
        '--set',
        '--keep',
        '--',
        '-',
        '--storage=x',
        'pmm.maxBlocks=9',
        '-x',
        '--no-cold',
      ),
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 8 }), (args) => {
        try {
          parseCommandLine(args);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});

describe('settings', () => {
  const all = new Map<SettingName, number>([
    ['pmm.rambankSize', LIMIT_BOUNDS.bankSizeBytes.min],
    ['pmm.maxBlocks', 9],
    ['hrCtrl.maxProcesses', 10],
    ['hrCtrl.maxGroups', 11],
    ['hrCtrl.maxBadness', 12],
    ['hrCtrl.interval', 13],
    ['hrCtrl.maxFutileFailures', 20],
    ['hrCtrl.maxGenerations', 3],
    ['site.maxRestarts', 14],
    ['site.interval', 15],
    ['rungs.rollback', 0],
    ['rungs.site', 1],
    ['rungs.cold', 0],
    ['rungs.quarantine', 1],
    ['keeper.maxDeaths', 16],
    ['keeper.interval', 17],
    ['keeper.watchdog', 180],
    ['keeper.startLimit', 19],
  ]);

  it('each reaches its place, and a site takes them', () => {
    expect([...all.keys()]).toEqual(SETTING_NAMES);
    const { limits, policy } = siteSettings(all);
    const counts = { maxBlocks: 9, maxProcesses: 10, maxGroups: 11, maxGenerations: 3 };
    expect(limits).toEqual({ bankSizeBytes: 2 ** 20, ...counts });
    expect(policy).toEqual({
      maxBadness: 12,
      intervalMs: 13,
      maxSiteRestarts: 14,
      siteIntervalMs: 15,
      maxFutileFailures: 20,
      rungs: { rollback: false, site: true, cold: false, quarantine: true },
    });
    expect(checkSiteOptions({ stableStorage: 'x', limits, policy })).toMatchObject({ limits, policy });
    expect(keeperPolicy(all)).toEqual({ maxDeaths: 16, intervalMs: 17, watchdogMs: 180, startLimitMs: 19 });
  });

  it('not given, are the defaults', () => {
    expect(siteSettings(new Map())).toEqual({ limits: {}, policy: { rungs: {} } });
    expect(keeperPolicy(new Map())).toEqual(DEFAULT_KEEPER_POLICY);
  });

  it('are all in the help', () => {
    expect(SETTING_NAMES.filter((name) => !helpText().includes(name))).toEqual([]);
  });
});

it('options written down are read as the same', () => {
  const path = anyText({ minLength: 1 }).filter((text) => !text.includes('\0'));
  const options: fc.Arbitrary<RunOptions> = fc.record({
    storage: path,
    bank: fc.option(path),
    cold: fc.boolean(),
    keep: fc.boolean(),
    backend: fc.constantFrom('auto', 'mapped', 'copied'),
    sync: fc.constantFrom('auto', 'commit', 'none'),
    settings: fc
      .uniqueArray(fc.constantFrom<SettingName>('hrCtrl.maxBadness', 'site.interval', 'keeper.watchdog'))
      .map((names) => new Map(names.map((name, index) => [name, index + 100]))),
  });
  fc.assert(
    fc.property(options, (each) => {
      expect(parseCommandLine(argumentsOf(each))).toEqual({ kind: 'run', options: each });
    }),
  );
});
