// Two processes that must be restarted together: a fault of either takes both back to the same point, and a transfer that was under
// way is finished, whatever instant it was interrupted at. The sum of both accounts is the invariant.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Process } from '#runtime/index.js';
import { faultOf, MATRIX, rejection, SiteUnderTest } from '#test/support/scenario.js';

const GROUP = 5;
const OPENING_BALANCE = 1000;

type Side = 'teller' | 'ledger';
type Pair = Readonly<Record<Side, Process>>;
type Start = readonly [Side, Side];

/** Each points at an instant of a transfer, in the order of a transfer. What the ledger should hold when both are back. */
const CRASH_POINTS = [
  { name: 'before it is agreed', steps: [], crash: ['teller', 'kill'], moved: 0 },
  { name: 'when it is agreed', steps: [], crash: ['teller', 'crashMidTransfer'], moved: 1 },
  { name: 'when it is debited, in the teller', steps: ['debit'], crash: ['teller', 'kill'], moved: 40 },
  {
    name: 'when it is debited, in the ledger',
    steps: ['debit'],
    crash: ['ledger', 'crashMidTransfer'],
    moved: 40,
  },
  {
    name: 'when it is credited, in the teller',
    steps: ['debit', 'credit'],
    crash: ['teller', 'kill'],
    moved: 40,
  },
  {
    name: 'when it is credited, in the ledger',
    steps: ['debit', 'credit'],
    crash: ['ledger', 'kill'],
    moved: 40,
  },
] as const;

const AMOUNT = 40;

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  let fixture: SiteUnderTest;

  beforeAll(async () => {
    fixture = await SiteUnderTest.open({ backend });
  });

  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  async function withPair(start: Start, body: (pair: Pair) => Promise<void>): Promise<void> {
    const { site } = fixture;
    const options = { group: GROUP, placement };
    const first = await site.arun(`pair-${start[0]}.wasm`, options);
    const second = await site.arun(`pair-${start[1]}.wasm`, options);
    try {
      await body(
        start[0] === 'teller' ? { teller: first, ledger: second } : { teller: second, ledger: first },
      );
    } finally {
      await site.killGroup(GROUP);
    }
    expect(fixture.log.mishaps).toEqual([]);
  }

  async function openSession(pair: Pair, session: number): Promise<void> {
    for (const process of [pair.teller, pair.ledger]) {
      await process.call('open', [session]);
      expect(await process.call('session')).toBe(session);
    }
  }

  /** Fails in one of the two and waits until both are back. */
  async function crash(pair: Pair, side: Side, how: 'kill' | 'crashMidTransfer'): Promise<void> {
    const before = [pair.teller, pair.ledger].map((process) => ({ process, pid: process.pid }));
    if (how === 'kill') await fixture.site.akill(pair[side].pid);
    else expect(await faultOf(pair[side].call(how))).toMatchObject({ kind: 'trap', message: 'unreachable' });
    for (const { process, pid } of before) await fixture.backSince(process, pid);
  }

  async function expectBalanced(pair: Pair): Promise<void> {
    for (const process of [pair.teller, pair.ledger])
      expect(await process.call('balance')).toBe(OPENING_BALANCE);
  }

  const starts: readonly Start[] = [
    ['teller', 'ledger'],
    ['ledger', 'teller'],
  ];

  describe.each(starts)('%s started before %s', (...start) => {
    it.each(CRASH_POINTS)('a transfer interrupted $name', async ({ steps, crash: [side, how], moved }) => {
      await withPair(start, async (pair) => {
        await openSession(pair, 11);
        if (steps.length > 0)
          expect(await pair.teller.call('transfer', [AMOUNT])).toBe(OPENING_BALANCE - AMOUNT);
        if (steps.length > 1) expect(await pair.ledger.call('transfer', [AMOUNT])).toBe(AMOUNT);
        await crash(pair, side, how);

        for (const process of [pair.teller, pair.ledger]) expect(await process.call('session')).toBe(0);
        await expectBalanced(pair);
        // Without a session both refuse; in a new one both agree, and the accounts go on from what was moved.
        expect(await pair.teller.call('transfer', [1])).toBe(-1);
        await openSession(pair, 12);
        expect(await pair.teller.call('transfer', [2])).toBe(OPENING_BALANCE - moved - 2);
        expect(await pair.ledger.call('transfer', [2])).toBe(moved + 2);
        await expectBalanced(pair);
      });
    });
  });

  it('a call in the other one ends with one clear error, and both are back', async () => {
    await withPair(['teller', 'ledger'], async (pair) => {
      await openSession(pair, 3);
      const { pid } = pair.ledger;
      const [failed, other] = [pair.teller.call('crashMidTransfer'), pair.ledger.call('session')];
      const answer = await other.catch((error: unknown) => error);
      expect(await rejection(failed)).toMatchObject({ code: 'GUEST_FAULT', culprit: pair.teller.name });
      // Inline the whole group is back before the second call begins. In threads the ledger has answered from its old session, or its
      // call was cut short.
      if (placement === 'inline') expect(answer).toBe(0);
      else if (answer !== 3)
        expect(answer).toMatchObject({ code: 'PROCESS_RESTARTED', culprit: pair.ledger.name });
      await fixture.backSince(pair.ledger, pid);
      await expectBalanced(pair);
    });
  });

  it('keeps the balance through any history of transfers and faults', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('transfer' as const),
        amount: fc.integer({ min: 1, max: 60 }),
        credited: fc.boolean(),
      }),
      fc.record({
        kind: fc.constant('crash' as const),
        side: fc.constantFrom<Side>('teller', 'ledger'),
        how: fc.constantFrom('kill' as const, 'crashMidTransfer' as const),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        await withPair(['teller', 'ledger'], async (pair) => {
          let session = 1;
          await openSession(pair, session);
          for (const each of steps) {
            if (each.kind === 'transfer') {
              const debited = await pair.teller.call('transfer', [each.amount]);
              if (each.credited && debited !== -1) await pair.ledger.call('transfer', [each.amount]);
            } else {
              await crash(pair, each.side, each.how);
              await expectBalanced(pair);
              session += 1;
              await openSession(pair, session);
            }
          }
          await crash(pair, 'ledger', 'kill');
          await expectBalanced(pair);
        });
      }),
      { numRuns: 8, seed: 20_260_102 },
    );
  });
});
