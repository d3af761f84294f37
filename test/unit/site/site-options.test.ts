// The options a site is opened with, one by one: defaults, what is accepted at its bounds, what is refused, and that the refusal
// names the option.
import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY } from '#runtime/controller/state.js';
import { RekindleError } from '#runtime/errors.js';
import { DEFAULT_LIMITS, LIMIT_BOUNDS, MAX_COUNTED_RESTARTS } from '#runtime/limits.js';
import { type CheckedSiteOptions, checkSiteOptions, type SiteOptions } from '#runtime/site-options.js';

/** What JavaScript can pass where the types do not allow it. */
function check(options: Readonly<Record<string, unknown>>): CheckedSiteOptions {
  return checkSiteOptions({ stableStorage: 'guests', ...options } as SiteOptions);
}

function refusal(action: () => unknown): { code: string; culprit: string } | null {
  try {
    action();
  } catch (error) {
    if (error instanceof RekindleError) return { code: error.code, culprit: error.culprit };
    throw error;
  }
  return null;
}

test('what is not said', () => {
  expect(check({})).toEqual({
    stableStorage: 'guests',
    bank: null,
    bankSizeIsGiven: false,
    imports: {},
    listeners: {},
    sysadm: 'run',
    backend: 'auto',
    limits: DEFAULT_LIMITS,
    policy: DEFAULT_POLICY,
    warmWorkers: 1,
    output: expect.any(Function),
  });
});

describe('accepted', () => {
  const output = () => undefined;
  test.each([
    ['backend: auto', { backend: 'auto' }, { backend: 'auto' }],
    ['backend: mapped', { backend: 'mapped' }, { backend: 'mapped' }],
    ['backend: copied', { backend: 'copied' }, { backend: 'copied' }],
    ['warmWorkers', { warmWorkers: 0 }, { warmWorkers: 0 }],
    [
      'a bank by its path',
      { bank: '/dev/shm/x' },
      { bank: { path: '/dev/shm/x', start: 'hot', sync: 'auto' }, bankSizeIsGiven: false },
    ],
    [
      'a bank with all there is to say of it',
      { bank: { path: 'x', start: 'cold', sync: 'commit' }, limits: { bankSizeBytes: 2 ** 24 } },
      { bank: { path: 'x', start: 'cold', sync: 'commit' }, bankSizeIsGiven: true },
    ],
    ['a bank that is never synced', { bank: { path: 'x', sync: 'none' } }, { bank: { sync: 'none' } }],
    ['sysadm', { sysadm: 'ignore' }, { sysadm: 'ignore' }],
    ['listeners', { listeners: { fault: output } }, { listeners: { fault: output } }],
    ['imports', { imports: { host: { output } } }, { imports: { host: { output } } }],
    [
      'roll-back never',
      { policy: { rungs: { rollback: false } } },
      { policy: { rungs: { rollback: false } } },
    ],
    ['roll-back at once', { policy: { maxFutileFailures: 1 } }, { policy: { maxFutileFailures: 1 } }],
    ['roll-back only when the ladder calls', { policy: { maxFutileFailures: Number.POSITIVE_INFINITY } }, {}],
    ['output', { output }, { output }],
    ['one limit', { limits: { maxGroups: 3 } }, { limits: { ...DEFAULT_LIMITS, maxGroups: 3 } }],
    [
      'one number of the policy',
      { policy: { maxBadness: 0 } },
      { policy: { ...DEFAULT_POLICY, maxBadness: 0 } },
    ],
    ['the largest count', { policy: { maxSiteRestarts: MAX_COUNTED_RESTARTS } }, {}],
    ['a policy that never trips', { policy: { maxBadness: Number.POSITIVE_INFINITY } }, {}],
    ['a part of a millisecond', { policy: { intervalMs: 0.5 } }, {}],
    [
      'one rung',
      { policy: { rungs: { cold: false } } },
      { policy: { ...DEFAULT_POLICY, rungs: { rollback: true, site: true, cold: false, quarantine: true } } },
    ],
  ])('%s', (_title, options, expected) => {
    expect(check(options)).toMatchObject(expected);
  });

  test.each(Object.entries(LIMIT_BOUNDS))('limits.%s at both bounds', (name, { min, max }) => {
    for (const value of [min, max])
      expect(check({ limits: { [name]: value } }).limits).toMatchObject({ [name]: value });
  });
});

describe('refused, by name', () => {
  test.each([
    ['openSite.banks', { banks: '/dev/shm/x' }],
    ['bank.path', { bank: '' }],
    ['bank.path', { bank: {} }],
    ['bank.path', { bank: { path: 5 } }],
    ['bank.path', { bank: { path: '' } }],
    ['bank.size', { bank: { path: 'x', size: 5 } }],
    ['bank.start', { bank: { path: 'x', start: 'warm' } }],
    ['bank.start', { bank: { path: 'x', start: null } }],
    ['bank.sync', { bank: { path: 'x', sync: true } }],
    ['bank', { bank: 5 }],
    ['bank', { bank: null }],
    ['sysadm', { sysadm: 'no' }],
    ['listeners.faults', { listeners: { faults: () => undefined } }],
    ['listeners.fault', { listeners: { fault: 5 } }],
    ['listeners', { listeners: 5 }],
    ['policy.maxFutileFailures', { policy: { maxFutileFailures: -1 } }],
    ['policy.maxFutileFailures', { policy: { maxFutileFailures: 0.5 } }],
    ['policy.rungs.rollback', { policy: { rungs: { rollback: 1 } } }],
    ['stableStorage', { stableStorage: undefined }],
    ['stableStorage', { stableStorage: 5 }],
    ['backend', { backend: 'disk' }],
    ['backend', { backend: null }],
    ['warmWorkers', { warmWorkers: -1 }],
    ['warmWorkers', { warmWorkers: 0.5 }],
    ['warmWorkers', { warmWorkers: Number.POSITIVE_INFINITY }],
    ['output', { output: 'stdout' }],
    ['output', { output: null }],
    ['limits.maxThreads', { limits: { maxThreads: 1 } }],
    ['limits.maxGroups', { limits: { maxGroups: undefined } }],
    ['limits.maxGroups', { limits: { maxGroups: '3' } }],
    ['policy.badness', { policy: { badness: 1 } }],
    ['policy.maxBadness', { policy: { maxBadness: -1 } }],
    ['policy.maxBadness', { policy: { maxBadness: 1.5 } }],
    ['policy.maxBadness', { policy: { maxBadness: '5' } }],
    ['policy.maxBadness', { policy: { maxBadness: Number.NaN } }],
    ['policy.maxBadness', { policy: { maxBadness: MAX_COUNTED_RESTARTS + 1 } }],
    ['policy.maxSiteRestarts', { policy: { maxSiteRestarts: Number.NEGATIVE_INFINITY } }],
    ['policy.intervalMs', { policy: { intervalMs: 0 } }],
    ['policy.intervalMs', { policy: { intervalMs: Number.POSITIVE_INFINITY } }],
    ['policy.siteIntervalMs', { policy: { siteIntervalMs: -1 } }],
    ['policy.siteIntervalMs', { policy: { siteIntervalMs: '60000' } }],
    ['policy.rungs.reboot', { policy: { rungs: { reboot: true } } }],
    ['policy.rungs.cold', { policy: { rungs: { cold: 'no' } } }],
    ['limits', { limits: 5 }],
    ['policy', { policy: 'lenient' }],
    ['policy.rungs', { policy: { rungs: true } }],
  ])('%s of %o', (culprit, options) => {
    expect(refusal(() => check(options))).toEqual({ code: 'OPTION_INVALID', culprit });
  });

  test.each(Object.entries(LIMIT_BOUNDS))('limits.%s beyond either bound', (name, { min, max }) => {
    for (const value of [min - 1, max + 1, min + 0.5, Number.NaN]) {
      const culprit = `limits.${name}`;
      expect(refusal(() => check({ limits: { [name]: value } }))).toEqual({
        code: 'OPTION_INVALID',
        culprit,
      });
    }
  });

  test('no options at all', () => {
    for (const options of [undefined, null, 'guests'])
      expect(refusal(() => checkSiteOptions(options as never))?.code).toBe('OPTION_INVALID');
  });
});

test('what was checked cannot be changed afterwards', () => {
  const { limits, policy } = check({ policy: { rungs: { cold: false } } });
  expect([limits, policy, policy.rungs].every((each) => Object.isFrozen(each))).toBe(true);
});
