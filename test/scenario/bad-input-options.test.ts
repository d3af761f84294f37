// What wrong options get, of `openSite`, `arun` and `call`: OPTION_INVALID or a code of their own, with the option named, and a site
// that goes on unchanged. A JavaScript caller can pass anything at all, so the tables hold what TypeScript would not let through.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ErrorCode, openSite } from '#runtime/index.js';
import { openProbeSite, refusal, unchanged } from '#test/support/probe-site.js';
import { PLACEMENTS } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

/** Hands a value to a parameter that TypeScript would not let it go to. */
const untyped = (value: unknown): never => value as never;

type Row = readonly [options: unknown, culprit: string, code?: ErrorCode];

const SITE_OPTIONS: readonly Row[] = [
  [undefined, 'openSite'],
  [null, 'openSite'],
  ['directory', 'openSite'],
  [{}, 'stableStorage'],
  [{ stableStorage: 5 }, 'stableStorage'],
  [{ stableStorage: '/nonexistent' }, '/nonexistent', 'STORAGE_UNAVAILABLE'],
  [{ stableStorage: process.execPath }, process.execPath, 'STORAGE_UNAVAILABLE'],
  [{ banks: '/dev/shm/x' }, 'openSite.banks'],
  [{ bank: '' }, 'bank.path'],
  [{ bank: 5 }, 'bank'],
  [{ bank: null }, 'bank'],
  [{ bank: {} }, 'bank.path'],
  [{ bank: { path: 5 } }, 'bank.path'],
  [{ bank: { path: 'x', size: 5 } }, 'bank.size'],
  [{ bank: { path: 'x', start: 'warm' } }, 'bank.start'],
  [{ bank: { path: 'x', sync: true } }, 'bank.sync'],
  [{ bank: '/nonexistent/bank' }, '/nonexistent', 'BANK_UNAVAILABLE'],
  [{ bank: '/proc/self/bank' }, '/proc/self', 'BANK_UNAVAILABLE'],
  [{ bank: process.execPath }, process.execPath, 'BANK_FOREIGN'],
  [{ bank: 'a\0b' }, 'bank.path'],
  [{ sysadm: 'no' }, 'sysadm'],
  [{ imports: { host: { answer: 'five' } } }, 'host.answer', 'IMPORTS_INVALID'],
  [{ imports: { host: 5 } }, 'host', 'IMPORTS_INVALID'],
  [{ imports: 'host' }, 'imports', 'IMPORTS_INVALID'],
  [{ policy: { maxFutileFailures: -1 } }, 'policy.maxFutileFailures'],
  [{ backend: 'disk' }, 'backend'],
  [{ backend: null }, 'backend'],
  [{ limits: 5 }, 'limits'],
  [{ limits: { maxBlock: 5 } }, 'limits.maxBlock'],
  [{ limits: { maxBlocks: 0 } }, 'limits.maxBlocks'],
  [{ limits: { maxBlocks: '9' } }, 'limits.maxBlocks'],
  [{ limits: { bankSizeBytes: Number.NaN } }, 'limits.bankSizeBytes'],
  [{ limits: { bankSizeBytes: 2 ** 40 } }, 'limits.bankSizeBytes'],
  [{ limits: { maxProcesses: 1.5 } }, 'limits.maxProcesses'],
  [{ limits: { maxGroups: -1 } }, 'limits.maxGroups'],
  [{ limits: { maxModuleBytes: Number.POSITIVE_INFINITY } }, 'limits.maxModuleBytes'],
  [{ limits: { memoryQuotaBytes: 1 } }, 'limits.memoryQuotaBytes'],
  [{ limits: { maxQueuedCalls: 0 } }, 'limits.maxQueuedCalls'],
  [{ limits: { maxWorkers: 0 } }, 'limits.maxWorkers'],
  [{ policy: 'strict' }, 'policy'],
  [{ policy: { badness: 5 } }, 'policy.badness'],
  [{ policy: { maxBadness: -1 } }, 'policy.maxBadness'],
  [{ policy: { maxSiteRestarts: 0.5 } }, 'policy.maxSiteRestarts'],
  [{ policy: { intervalMs: 0 } }, 'policy.intervalMs'],
  [{ policy: { siteIntervalMs: Number.NaN } }, 'policy.siteIntervalMs'],
  [{ policy: { rungs: { warm: true } } }, 'policy.rungs.warm'],
  [{ policy: { rungs: { cold: 'no' } } }, 'policy.rungs.cold'],
  [{ warmWorkers: -1 }, 'warmWorkers'],
  [{ warmWorkers: 1.5 }, 'warmWorkers'],
  [{ output: 'stdout' }, 'output'],
];

const ARUN_OPTIONS: readonly Row[] = [
  [null, 'arun'],
  ['inline', 'arun'],
  [{ groups: 5 }, 'arun.groups'],
  [{ group: -1 }, 'group -1', 'GROUP_LIMIT'],
  [{ group: 256 }, 'group 256', 'GROUP_LIMIT'],
  [{ group: 1.5 }, 'group 1.5', 'GROUP_LIMIT'],
  [{ group: '5' }, 'group 5', 'GROUP_LIMIT'],
  [{ group: Number.NaN }, 'group NaN', 'GROUP_LIMIT'],
  [{ restartable: 'no' }, 'restartable'],
  [{ restartable: false, group: 5 }, 'group'],
  [{ args: 'a b' }, 'args'],
  [{ args: [5] }, 'args[0]'],
  [{ args: ['ok', 'a\0b'] }, 'args[1]'],
  [{ args: ['x'.repeat(200_000)] }, 'args'],
  [{ args: Array.from({ length: 2000 }, () => 'x') }, 'args'],
  [{ env: 'A=1' }, 'env'],
  [{ env: { 'A=B': '1' } }, 'env.A=B'],
  [{ env: { '': '1' } }, 'env.'],
  [{ env: { A: 5 } }, 'env.A'],
  [{ env: { A: 'a\0b' } }, 'env.A'],
  [{ placement: 'worker' }, 'placement'],
  [{ credentials: 'root' }, 'credentials'],
  [{ credentials: { name: 'root' } }, 'credentials.name'],
  [{ credentials: { uid: -1 } }, 'credentials.uid'],
  [{ credentials: { gid: 2 ** 32 } }, 'credentials.gid'],
  [{ credentials: { groups: 5 } }, 'credentials.groups'],
  [{ credentials: { groups: [0, 0.5] } }, 'credentials.groups[1]'],
  [{ credentials: { trusted: 'yes' } }, 'credentials.trusted'],
  [{ cleanExit: 'one' }, 'cleanExit'],
  [{ memoryQuotaBytes: 0 }, 'memoryQuotaBytes'],
  [{ memoryQuotaBytes: Number.NaN }, 'memoryQuotaBytes'],
  [{ memoryQuotaBytes: '1048576' }, 'memoryQuotaBytes'],
  [{ callLimitMs: 0 }, 'callLimitMs'],
  [{ callLimitMs: Number.POSITIVE_INFINITY }, 'callLimitMs'],
  [{ callLimitMs: '5' }, 'callLimitMs'],
  [{ entryLimitMs: -5 }, 'entryLimitMs'],
  [{ restore: 'cold' }, 'restore'],
  [{ imports: { host: { answer: 'five' } } }, 'host.answer', 'IMPORTS_INVALID'],
  [{ imports: { host: 5 } }, 'host', 'IMPORTS_INVALID'],
  [{ imports: 'host' }, 'imports', 'IMPORTS_INVALID'],
];

const CALL_OPTIONS: readonly Row[] = [
  [null, 'call'],
  [{ limit: 5 }, 'limit'],
  [{ limitMs: 0 }, 'limitMs'],
  [{ limitMs: -1 }, 'limitMs'],
  [{ limitMs: Number.NaN }, 'limitMs'],
  [{ limitMs: Number.POSITIVE_INFINITY }, 'limitMs'],
  [{ limitMs: '5' }, 'limitMs'],
  [{ returns: 'number' }, 'probe', 'ARGUMENT_INVALID'],
];

/** As a title: what JSON would hide is spelt out. */
const shown = (value: unknown): string =>
  (
    JSON.stringify(value, (_, each) =>
      typeof each === 'number' && !Number.isFinite(each) ? String(each) : each,
    ) ?? 'undefined'
  ).slice(0, 80);

const titled = (rows: readonly Row[]) =>
  rows.map(([options, culprit, code = 'OPTION_INVALID' as const]) => ({
    title: shown(options),
    options,
    culprit,
    code,
  }));

describe('wrong options of openSite', () => {
  it.each(titled(SITE_OPTIONS))('$title: $code', async ({ options, culprit, code }) => {
    const partial = typeof options === 'object' && options !== null && Object.keys(options).length > 0;
    const complete = partial ? { stableStorage: TEST_GUESTS, ...options } : options;
    const error = await refusal(openSite(untyped(complete)));
    expect(error.code).toBe(code);
    expect(error.culprit).toContain(culprit);
    expect(error.message).toContain(culprit);
  });
});

// Options are checked before the placement matters.
describe('wrong options of arun', () => {
  it.each(titled(ARUN_OPTIONS))('$title: $code', async ({ options, culprit, code }) => {
    const opened = await openProbeSite();
    const bystander = await opened.probe({ placement: 'inline' });
    const partial = typeof options === 'object' && options !== null;
    await unchanged(opened, bystander, async () => {
      const given = partial ? { placement: 'inline', ...options } : options;
      const error = await refusal(opened.site.arun('probe.wasm', untyped(given)));
      expect(error.code).toBe(code);
      expect(error.culprit).toContain(culprit);
      expect(error.message).toContain(culprit);
    });
  });
});

let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rekindle-options-'));
  writeFileSync(join(directory, 'no-default.mjs'), 'export const host = 1;');
  writeFileSync(join(directory, 'throws.mjs'), "throw new Error('at load');");
  writeFileSync(join(directory, 'no-object.mjs'), 'export default () => 5;');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.each(PLACEMENTS)('wrong options: %s', (placement) => {
  it.each(['absent', 'no-default', 'throws', 'no-object'])(
    'of arun: importsUrl of a module that is %s',
    async (name) => {
      const opened = await openProbeSite();
      const bystander = await opened.probe({ placement });
      const importsUrl = pathToFileURL(join(directory, `${name}.mjs`));
      await unchanged(opened, bystander, async () => {
        const error = await refusal(opened.site.arun('probe.wasm', { placement, importsUrl }));
        expect([error.code, error.culprit]).toEqual(['IMPORTS_INVALID', importsUrl.href]);
      });
    },
  );

  it('of arun: a path that is no string', async () => {
    const opened = await openProbeSite();
    const bystander = await opened.probe({ placement });
    await unchanged(opened, bystander, async () => {
      for (const path of [undefined, null, 5, {}]) {
        const error = await refusal(opened.site.arun(untyped(path), { placement }));
        expect([path, error.code]).toEqual([path, 'MODULE_PATH_REFUSED']);
      }
    });
  });

  it.each(titled(CALL_OPTIONS))('of call: $title: $code', async ({ options, culprit, code }) => {
    const opened = await openProbeSite();
    const bystander = await opened.probe({ placement });
    await unchanged(opened, bystander, async () => {
      const error = await refusal(bystander.call('agetId', [], untyped(options)));
      expect([error.code, error.message.includes(culprit)]).toEqual([code, true]);
    });
  });
});
