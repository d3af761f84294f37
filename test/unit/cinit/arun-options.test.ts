// The options of arun, one by one: what is accepted and what it becomes, what is refused, and that the refusal names the option.
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type ArunOptions, identityFromOptions } from '#runtime/cinit/arun-options.js';
import { RekindleError } from '#runtime/errors.js';
import {
  DEFAULT_LIMITS,
  DEFAULT_MEMORY_MOUNT_BYTES,
  MAX_ARGUMENT_BYTES,
  MAX_ARGUMENT_COUNT,
  MEMORY_NODE_BYTES,
  WASM_PAGE_SIZE,
} from '#runtime/limits.js';

/** What JavaScript can pass where the types do not allow it. */
function identity(options: Readonly<Record<string, unknown>>, path = 'counter.wasm') {
  return identityFromOptions(path, options as ArunOptions, DEFAULT_LIMITS).identity;
}

function refusal(options: Readonly<Record<string, unknown>>): { code: string; culprit: string } | null {
  try {
    identity(options);
  } catch (error) {
    if (error instanceof RekindleError) return { code: error.code, culprit: error.culprit };
    throw error;
  }
  return null;
}

test('what is not said', () => {
  expect(identity({})).toEqual({
    kind: 'direct',
    path: 'counter.wasm',
    groupId: 0,
    args: ['counter.wasm'],
    env: [],
    settings: {
      placement: 'thread',
      credentials: { uid: 0, gid: 0, groups: [], trusted: false },
      memoryQuotaBytes: DEFAULT_LIMITS.memoryQuotaBytes,
      cleanExit: 'handler',
      callLimitMs: null,
      entryLimitMs: null,
      restore: 'in-place',
      mounts: [],
      descriptors: 'restored',
      stdio: { stdin: 'empty', stdout: 'site', stderr: 'site' },
    },
  });
});

describe('accepted', () => {
  const trusted = { uid: 7, gid: 8, groups: [9, 2 ** 32 - 1], trusted: true };
  test.each([
    ['group', { group: 7 }, { kind: 'direct', groupId: 7 }],
    ['restartable', { restartable: true }, { kind: 'direct', groupId: 0 }],
    ['restartable: a plain process', { restartable: false }, { kind: 'plain', groupId: null }],
    ['args, behind the path', { args: ['a', ''] }, { args: ['counter.wasm', 'a', ''] }],
    ['env', { env: { A: '1', B: 'x=y', C: '' } }, { env: ['A=1', 'B=x=y', 'C='] }],
    ['placement', { placement: 'inline' }, { settings: { placement: 'inline' } }],
    ['credentials', { credentials: trusted }, { settings: { credentials: trusted } }],
    ['some credentials', { credentials: { gid: 5 } }, { settings: { credentials: { uid: 0, gid: 5 } } }],
    ['cleanExit', { cleanExit: 'zero' }, { settings: { cleanExit: 'zero' } }],
    [
      'memoryQuotaBytes',
      { memoryQuotaBytes: WASM_PAGE_SIZE },
      { settings: { memoryQuotaBytes: WASM_PAGE_SIZE } },
    ],
    ['callLimitMs', { callLimitMs: 0.5 }, { settings: { callLimitMs: 0.5 } }],
    ['entryLimitMs', { entryLimitMs: 2 ** 31 - 1 }, { settings: { entryLimitMs: 2 ** 31 - 1 } }],
    ['restore', { restore: 'fresh' }, { settings: { restore: 'fresh' } }],
    [
      'mounts, in their order',
      {
        mounts: {
          '/b': { kind: 'host', path: '/srv' },
          '/a': { kind: 'host', path: '/srv/x/..', access: 'read-write' },
          '.': { kind: 'memory' },
          '/m': { kind: 'memory', sizeBytes: MEMORY_NODE_BYTES },
        },
      },
      {
        settings: {
          mounts: [
            { guestPath: '/b', kind: 'host', path: '/srv', access: 'read-only' },
            { guestPath: '/a', kind: 'host', path: '/srv', access: 'read-write' },
            { guestPath: '.', kind: 'memory', sizeBytes: DEFAULT_MEMORY_MOUNT_BYTES },
            { guestPath: '/m', kind: 'memory', sizeBytes: MEMORY_NODE_BYTES },
          ],
        },
      },
    ],
    ['descriptors', { descriptors: 'lost' }, { settings: { descriptors: 'lost' } }],
    [
      'stdio',
      { stdio: { stdin: new Uint8Array(3), stdout: 'capture', stderr: () => undefined } },
      { settings: { stdio: { stdin: 'given', stdout: 'capture', stderr: 'given' } } },
    ],
    ['imports', { imports: { host: {} } }, { kind: 'direct' }],
    ['importsUrl', { importsUrl: 'file:///x.js' }, { kind: 'direct' }],
  ])('%s', (_title, options, expected) => {
    expect(identity(options)).toMatchObject(expected);
  });
});

describe('refused, by name', () => {
  test.each([
    ['arun.retries', { retries: 3 }],
    ['arun.Group', { Group: 3 }],
    ['group', { restartable: false, group: 0 }],
    ['restartable', { restartable: 'no' }],
    ['restartable', { restartable: 0 }],
    ['args', { args: 'abc' }],
    ['args[1]', { args: ['a', 1] }],
    ['args[0]', { args: ['a\0b'] }],
    ['args', { args: Array.from({ length: MAX_ARGUMENT_COUNT }, () => 'a') }],
    ['args', { args: ['a'.repeat(MAX_ARGUMENT_BYTES)] }],
    ['args', { args: ['ü'.repeat(MAX_ARGUMENT_BYTES / 2)] }],
    ['env', { env: 'A=1' }],
    ['env.A', { env: { A: 1 } }],
    ['env.A', { env: { A: 'x\0' } }],
    ['env', { env: { 'A\0': 'x' } }],
    ['env.', { env: { '': 'x' } }],
    ['env.A=B', { env: { 'A=B': 'x' } }],
    ['env', { env: { A: 'a'.repeat(MAX_ARGUMENT_BYTES) } }],
    ['placement', { placement: 'process' }],
    ['credentials', { credentials: 'root' }],
    ['credentials.root', { credentials: { root: true } }],
    ['credentials.uid', { credentials: { uid: -1 } }],
    ['credentials.uid', { credentials: { uid: 2 ** 32 } }],
    ['credentials.gid', { credentials: { gid: 0.5 } }],
    ['credentials.gid', { credentials: { gid: '0' } }],
    ['credentials.groups', { credentials: { groups: 5 } }],
    ['credentials.groups[1]', { credentials: { groups: [1, -1] } }],
    ['credentials.trusted', { credentials: { trusted: 1 } }],
    ['cleanExit', { cleanExit: true }],
    ['memoryQuotaBytes', { memoryQuotaBytes: WASM_PAGE_SIZE - 1 }],
    ['memoryQuotaBytes', { memoryQuotaBytes: 2 ** 32 + 1 }],
    ['memoryQuotaBytes', { memoryQuotaBytes: Number.NaN }],
    ['memoryQuotaBytes', { memoryQuotaBytes: '1048576' }],
    ['callLimitMs', { callLimitMs: 0 }],
    ['callLimitMs', { callLimitMs: -1 }],
    ['callLimitMs', { callLimitMs: Number.POSITIVE_INFINITY }],
    ['callLimitMs', { callLimitMs: '10' }],
    ['entryLimitMs', { entryLimitMs: Number.NaN }],
    ['entryLimitMs', { entryLimitMs: 2 ** 31 }],
    ['restore', { restore: 'cold' }],
    ['mounts', { mounts: ['/data'] }],
    ['mounts[""]', { mounts: { '': { kind: 'memory' } } }],
    ['mounts["/x"]', { mounts: { '/x': '/srv' } }],
    ['mounts["/x"].kind', { mounts: { '/x': { kind: 'disk' } } }],
    ['mounts["/x"].path', { mounts: { '/x': { kind: 'host' } } }],
    ['mounts["/x"].path', { mounts: { '/x': { kind: 'host', path: '' } } }],
    ['mounts["/x"].access', { mounts: { '/x': { kind: 'host', path: '/srv', access: 'rw' } } }],
    ['mounts["/x"].size', { mounts: { '/x': { kind: 'memory', size: 5 } } }],
    ['mounts["/x"].sizeBytes', { mounts: { '/x': { kind: 'memory', sizeBytes: MEMORY_NODE_BYTES - 1 } } }],
    ['stdio.stdout', { stdio: { stdout: new PassThrough({ objectMode: true }) } }],
    ['mounts["/x"].volume', { mounts: { '/x': { kind: 'volume' } } }],
    ['mounts["/x"].volume', { mounts: { '/x': { kind: 'volume', volume: '.x' } } }],
    ['descriptors', { descriptors: 'kept' }],
    ['stdio.stdin', { stdio: { stdin: 'text' } }],
    ['stdio.stdin', { stdio: { stdin: 5 } }],
    ['stdio.stdout', { stdio: { stdout: 'console' } }],
    ['stdio.stderr', { stdio: { stderr: null } }],
    ['stdio.stdlog', { stdio: { stdlog: 'site' } }],
  ])('%s of %o', (culprit, options) => {
    expect(refusal(options)).toEqual({ code: 'OPTION_INVALID', culprit });
  });

  test('no options at all', () => {
    for (const options of [null, 5, 'inline'])
      expect(refusal(options as never)).toMatchObject({ code: 'OPTION_INVALID' });
  });
});

describe('what becomes of the options', () => {
  test('changes of what was handed over come too late', () => {
    const options = { args: ['a'], credentials: { groups: [1] } };
    const { args, settings } = identity(options);
    options.args.push('b');
    options.credentials.groups.push(2);
    expect([args, settings.credentials.groups]).toEqual([['counter.wasm', 'a'], [1]]);
  });

  test('exactly the bytes allowed are accepted, the path and the NULs included', () => {
    const roomBytes = MAX_ARGUMENT_BYTES - 'counter.wasm'.length - 2;
    expect(refusal({ args: ['a'.repeat(roomBytes)] })).toBeNull();
    expect(refusal({ args: ['a'.repeat(roomBytes + 1)] })).not.toBeNull();
  });
});
