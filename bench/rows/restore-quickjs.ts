// A QuickJS guest with an initialised application, back at its checkpoint before every request: by a restore that was asked for, and after
// a trap. Beside it the same guest by hand, and quickjs-wasi with its own snapshots. It must check the answer of every request: it
// tells from the application's counter whether the state was put back.
import { readFileSync } from 'node:fs';
import { openSite } from '#runtime/index.js';
import { APPLICATION, LIST_REQUEST, SHORT_REQUEST } from '#test/support/quickjs-application.js';
import { QUICKJS_IMPORTS, QUICKJS_MODULE, QuickjsGuest } from '#test/support/quickjs-guest.js';
import { expectAnswer, expectFaultSync } from '../ground.ts';
import type { Clocked } from '../measure.ts';
import { FRESH_NAME, quickjsPeers, RESTORED_NAME } from '../peers/quickjs-wasi.ts';
import { PlainQuickjs } from '../plain-quickjs.ts';
import type { Point, Row, Target } from '../row.ts';

const GUEST = 'quickjs.wasm';
/** However often a group restarts, it never climbs the ladder, and never loses its checkpoint. */
const POLICY = {
  maxBadness: Number.POSITIVE_INFINITY,
  maxFutileFailures: Number.POSITIVE_INFINITY,
} as const;
/** Comes to a number, for `number`. */
const SETUP = `${APPLICATION}; 0`;
const TARGETS: readonly Target[] = [
  { than: 'peer', name: RESTORED_NAME, timesFaster: 75 },
  { than: 'peer', name: FRESH_NAME, timesFaster: 200 },
];

/** What explains the figures: neither is a floor, for the engine's heap is in another state in each. */
function byHand(request: string, answer: number): readonly Clocked[] {
  const kept = new PlainQuickjs(SETUP);
  kept.keep(request);
  const running = new PlainQuickjs(SETUP);
  return [
    {
      name: 'known pages copied back in JavaScript, eval',
      run: () => {
        kept.putBack();
        expectAnswer(kept.numberOnce(request), answer);
      },
    },
    // Its application counts on: the answer is another every time.
    { name: 'eval alone', run: () => void running.number(request) },
  ];
}

async function pointsOf(guest: QuickjsGuest): Promise<readonly Point[]> {
  const { process } = guest;
  const short = await requestCases(guest, SHORT_REQUEST);
  const list = await requestCases(guest, LIST_REQUEST);
  return [
    { name: 'short request, restore', ...short, targets: TARGETS },
    {
      ...short,
      name: 'short request, fault',
      ours: {
        name: 'trap, restart, eval',
        run: () => {
          expectFaultSync(process, 'abort');
          short.serve();
        },
      },
      targets: [],
    },
    {
      name: 'restore without eval',
      // Whatever state the case before has left, this changes it.
      ours: {
        name: 'restore',
        prepare: () => void guest.numberOnce(SHORT_REQUEST),
        run: () => process.restoreSync(),
      },
      targets: [],
    },
    {
      name: 'short request without restore',
      ours: { name: 'eval after a restore', prepare: () => process.restoreSync(), run: short.serve },
      peers: short.byHand,
      targets: [],
    },
    { name: 'list, restore', ...list, targets: [] },
  ];
}

/** Back at the checkpoint and one request, ours and the others'; `serve` is the request alone. */
async function requestCases(guest: QuickjsGuest, request: string) {
  const { process } = guest;
  process.restoreSync();
  const answer = guest.numberOnce(request);
  const serve = (): void => expectAnswer(guest.numberOnce(request), answer);
  const alone = byHand(request, answer);
  const { restored, fresh } = await quickjsPeers({ application: SETUP, request, answer });
  return {
    serve,
    ours: {
      name: 'restore, eval',
      run: () => {
        process.restoreSync();
        serve();
      },
    },
    byHand: alone,
    peers: [...alone, restored, fresh],
  };
}

export const restoreQuickjs: Row = {
  id: 'restore.quickjs',
  title:
    'from a QuickJS guest that has served a request, back to its checkpoint, to the answer of the next request',
  share: 8,
  run: async ({ modules, measure }) => {
    await using site = await openSite({ stableStorage: modules.path, policy: POLICY });
    modules.add(GUEST, readFileSync(QUICKJS_MODULE));
    const process = await site.arun(GUEST, { placement: 'inline', importsUrl: QUICKJS_IMPORTS });
    const guest = QuickjsGuest.begin(process);
    guest.number(SETUP);
    await process.checkpoint();
    return await measure(await pointsOf(guest));
  },
};
