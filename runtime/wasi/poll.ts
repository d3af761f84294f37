// poll_oneoff: waits until one of several things has come about. It sleeps meanwhile, in pieces, and never asks over and over.
import { INPUT_WAIT_MS, MAX_SLEEP_MS, MAX_SUBSCRIPTIONS } from '../limits.ts';
import { answering, type FunctionContext } from './answer.ts';
import { CLOCK_MONOTONIC, clockWithId } from './clocks.ts';
import { type Descriptor, requireRights } from './descriptors.ts';
import { EAGAIN, EBADF, EINVAL, ESTALE, ESUCCESS, FileError } from './errno.ts';
import type { GuestView } from './guest-view.ts';
import { POLL_FD_READWRITE } from './rights.ts';

//  subscription, 48 bytes
//
//   0          8         16                                                    48
//  +----------+---------+-----------------------------------------------------+
//  | userdata | tag, u8 | clock: id u32 | timeout u64 | precision u64 | flags  |   at 16, 24, 32, 40
//  |          |         | descriptor: number u32                              |   at 16
//  +----------+---------+-----------------------------------------------------+
const SUBSCRIPTION_SIZE = 48;
//  event, 32 bytes
//
//   0          8        10     11       16              24            32
//  +----------+--------+------+--------+---------------+-------------+
//  | userdata | errno  | type | unused | bytes, u64    | flags, u16  |
//  +----------+--------+------+--------+---------------+-------------+
const EVENT_SIZE = 32;

const TAG_CLOCK = 0;
const TAG_READ = 1;
const TAG_WRITE = 2;
const CLOCK_ABSOLUTE = 1 << 0;
const FLAG_HANGUP = 1 << 0;

const NS_PER_MS = 1_000_000;

interface Event {
  readonly userdata: bigint;
  readonly tag: number;
  readonly errno: number;
  readonly bytes: bigint;
  readonly hangup: boolean;
}

/** `dueNs`: of the monotonic clock. */
type Subscription = { readonly userdata: bigint; readonly tag: number } & (
  | { readonly kind: 'clock'; readonly dueNs: bigint }
  | { readonly kind: 'descriptor'; readonly number: number }
  | { readonly kind: 'wrong'; readonly errno: number }
);

export function pollFunctions(functions: FunctionContext) {
  const { context, table } = functions;
  const { clock } = context;

  const nowNs = (): bigint => clockWithId(CLOCK_MONOTONIC).nowNs(clock);

  const readClock = (guest: GuestView, at: number): Subscription => {
    const [userdata, tag, id] = [guest.readU64(at), TAG_CLOCK, guest.readU32(at + 16)];
    try {
      const timeoutNs = guest.readU64(at + 24);
      const isAbsolute = (guest.readU16(at + 40) & CLOCK_ABSOLUTE) !== 0;
      const named = clockWithId(id);
      const remainingNs = isAbsolute ? timeoutNs - named.nowNs(clock) : timeoutNs;
      return { kind: 'clock', userdata, tag, dueNs: nowNs() + (remainingNs > 0n ? remainingNs : 0n) };
    } catch (error) {
      if (error instanceof FileError) return { kind: 'wrong', userdata, tag, errno: error.errno };
      throw error;
    }
  };

  const readSubscription = (guest: GuestView, at: number): Subscription => {
    const [userdata, tag] = [guest.readU64(at), guest.readU8(at + 8)];
    if (tag === TAG_CLOCK) return readClock(guest, at);
    if (tag !== TAG_READ && tag !== TAG_WRITE) throw new FileError(EINVAL);
    return { kind: 'descriptor', userdata, tag, number: guest.readU32(at + 16) };
  };

  /** Null: nothing has come about. */
  const look = (subscription: Subscription): Event | null => {
    const { userdata, tag } = subscription;
    const event = { userdata, tag, errno: ESUCCESS, bytes: 0n, hangup: false };
    if (subscription.kind === 'wrong') return { ...event, errno: subscription.errno };
    if (subscription.kind === 'clock') return subscription.dueNs <= nowNs() ? event : null;
    try {
      const found = lookAt(functions, table.get(subscription.number), tag === TAG_READ);
      return found === null ? null : { ...event, ...found };
    } catch (error) {
      if (error instanceof FileError) return { ...event, errno: error.errno };
      throw error;
    }
  };

  const waitFor = (subscriptions: readonly Subscription[]): readonly Event[] => {
    for (;;) {
      const events = subscriptions.map(look).filter((event) => event !== null);
      if (events.length > 0) return events;
      const dues = subscriptions.flatMap((each) => (each.kind === 'clock' ? [each.dueNs] : []));
      const remainingMs = Math.min(...dues.map((dueNs) => Number(dueNs - nowNs()) / NS_PER_MS));
      // What has not come about and is no clock waits for input.
      const waitsForInput = subscriptions.length > dues.length;
      if (waitsForInput) awaitInput(functions, Math.min(Math.max(remainingMs, 0), INPUT_WAIT_MS));
      else if (remainingMs > 0) clock.sleep(Math.min(remainingMs, MAX_SLEEP_MS));
    }
  };

  return {
    poll_oneoff: answering(functions, (guest, input: number, output: number, count: number, used: number) => {
      const total = count >>> 0;
      if (total === 0 || total > MAX_SUBSCRIPTIONS) throw new FileError(EINVAL);
      guest.check(input, total * SUBSCRIPTION_SIZE);
      guest.check(output, total * EVENT_SIZE);
      guest.check(used, 4);
      const subscriptions = Array.from({ length: total }, (_, index) =>
        readSubscription(guest, (input >>> 0) + index * SUBSCRIPTION_SIZE),
      );
      const events = waitFor(subscriptions);
      for (const [index, event] of events.entries())
        writeEvent(guest, (output >>> 0) + index * EVENT_SIZE, event);
      guest.writeU32(used, events.length);
    }),
  };
}

function lookAt(
  { context }: FunctionContext,
  descriptor: Descriptor,
  reading: boolean,
): { readonly bytes: bigint; readonly hangup: boolean } | null {
  requireRights(descriptor, POLL_FD_READWRITE);
  if (descriptor.kind === 'stale') throw new FileError(ESTALE);
  if (descriptor.kind === 'directory') throw new FileError(EBADF);
  if (descriptor.kind === 'file') {
    const left = descriptor.node.stat().sizeBytes - BigInt(descriptor.position);
    return { bytes: reading && left > 0n ? left : 0n, hangup: false };
  }
  if (reading !== (descriptor.stream === 'stdin')) throw new FileError(EBADF);
  if (!reading) return { bytes: 0n, hangup: false };
  const reply = context.readInput(descriptor.position, 0, 0);
  if (reply.kind === 'wait') return null;
  if (reply.kind === 'unavailable') throw new FileError(EAGAIN);
  return { bytes: reply.kind === 'bytes' ? 1n : 0n, hangup: reply.kind === 'end' };
}

/** Sleeps until there is input, or for so long. */
function awaitInput({ context }: FunctionContext, waitMs: number): void {
  context.readInput(0, 0, waitMs);
}

function writeEvent(guest: GuestView, at: number, { userdata, tag, errno, bytes, hangup }: Event): void {
  guest.range(at, EVENT_SIZE).fill(0);
  guest.writeU64(at, userdata);
  guest.writeU16(at + 8, errno);
  guest.writeU8(at + 10, tag);
  guest.writeU64(at + 16, bytes);
  guest.writeU16(at + 24, hangup ? FLAG_HANGUP : 0);
}
