// What is written down of a process: everything that was said when it was first started, read back equal, and nothing believed that does
// not fit.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '#runtime/bank/ledger-records.js';
import {
  changeOfProcess,
  PROCESS_PREFIX,
  type ProcessRecord,
  processFromRecord,
  recordBytesOfProcess,
  removalOfProcess,
} from '#runtime/controller/process-record.js';
import { RekindleError } from '#runtime/errors.js';
import type { MountSpec } from '#runtime/files/mount-spec.js';
import { LIMIT_BOUNDS, MAX_MEMORY_MOUNT_BYTES, MEMORY_NODE_BYTES } from '#runtime/limits.js';
import type { HostedProcess } from '#runtime/process/hosted-process.js';
import type { OutputRoute } from '#runtime/process/stdio.js';
import { anyText } from '#test/support/any-text.js';

const u32 = fc.nat({ max: 2 ** 32 - 1 });
const text = anyText({ maxLength: 20 });
const limitMs = fc.option(fc.double({ min: 0.001, max: 1e9, noNaN: true }));
const quota = LIMIT_BOUNDS.memoryQuotaBytes;

const outputRoute = fc.constantFrom<OutputRoute[]>('site', 'inherit', 'ignore', 'capture', 'given');
const anyMount: fc.Arbitrary<MountSpec> = fc.oneof(
  fc.record({
    guestPath: text,
    kind: fc.constant('host' as const),
    path: text,
    access: fc.constantFrom('read-only' as const, 'read-write' as const),
  }),
  fc.record({
    guestPath: text,
    kind: fc.constant('memory' as const),
    sizeBytes: fc.integer({ min: MEMORY_NODE_BYTES, max: MAX_MEMORY_MOUNT_BYTES }),
  }),
  fc.record({
    guestPath: text,
    kind: fc.constant('volume' as const),
    volume: text,
    access: fc.constantFrom('read-only' as const, 'read-write' as const),
  }),
);

const anyRecord: fc.Arbitrary<ProcessRecord> = fc.record({
  identity: fc.record({
    name: text,
    kind: fc.constantFrom('direct' as const, 'indirect' as const),
    path: text,
    groupId: fc.nat({ max: LIMIT_BOUNDS.maxGroups.max - 1 }),
    args: fc.array(text, { maxLength: 5 }),
    env: fc.array(text, { maxLength: 5 }),
    settings: fc.record({
      placement: fc.constantFrom('thread' as const, 'inline' as const),
      credentials: fc.record({
        uid: u32,
        gid: u32,
        groups: fc.array(u32, { maxLength: 16 }),
        trusted: fc.boolean(),
      }),
      memoryQuotaBytes: fc.integer(quota),
      cleanExit: fc.constantFrom('handler' as const, 'zero' as const),
      callLimitMs: limitMs,
      entryLimitMs: limitMs,
      restore: fc.constantFrom('in-place' as const, 'fresh' as const),
      mounts: fc.array(anyMount, { maxLength: 4 }),
      descriptors: fc.constantFrom('lost' as const, 'restored' as const),
      stdio: fc.record({
        stdin: fc.constantFrom('empty' as const, 'inherit' as const, 'given' as const),
        stdout: outputRoute,
        stderr: outputRoute,
      }),
    }),
  }),
  imageDigest: text,
  externals: fc.record({
    hostFunctions: fc.array(fc.record({ module: text, name: text }), { maxLength: 3 }),
    importsUrl: fc.option(text),
  }),
});

/** As it is asked for by the record: nothing else of a process is looked at. */
const processOf = ({ identity, imageDigest, externals }: ProcessRecord): HostedProcess =>
  ({ identity, image: { digest: imageDigest }, externals }) as unknown as HostedProcess;

/** As it lies in a ledger. */
const written = (record: ProcessRecord): { key: string; value: JsonValue } => {
  const { key, value } = changeOfProcess(processOf(record));
  return { key, value: JSON.parse(JSON.stringify(value)) as JsonValue };
};

describe('the record of a process', () => {
  it('is read back equal, through JSON', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const { key, value } = written(record);
        expect(key).toBe(`${PROCESS_PREFIX}${record.identity.name}`);
        expect(processFromRecord(key, value)).toEqual(record);
      }),
    );
  });

  it('takes no more room than was asked for before it was written', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const { key, value } = written(record);
        const sizeBytes = Buffer.byteLength(JSON.stringify({ key, value }));
        expect(sizeBytes).toBeLessThanOrEqual(recordBytesOfProcess(record.identity));
      }),
    );
  });

  it('is removed under its own key', () => {
    expect(removalOfProcess('counter#1')).toEqual({ key: 'process/counter#1', value: null });
  });

  it('with any one field missing or of another kind is BANK_DAMAGED, naming the key', () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(), fc.constantFrom(undefined, {}, -1.5), (record, pick, strange) => {
        const { key, value } = written(record);
        const fields = Object.keys(value as object);
        const field = fields[pick % fields.length] ?? '';
        const { [field]: _, ...others } = value as Record<string, JsonValue>;
        const damaged: JsonValue = strange === undefined ? others : { ...others, [field]: strange };
        expect(refusalOf(() => processFromRecord(key, damaged))).toEqual(['BANK_DAMAGED', key]);
      }),
    );
  });

  it('whatever it is, is read or refused by name', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(refusalOf(() => processFromRecord('process/x', value as JsonValue))[0]).toBe('BANK_DAMAGED');
      }),
    );
  });
});

function refusalOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof RekindleError) return [error.code, error.culprit];
    throw error;
  }
  return ['no refusal'];
}
