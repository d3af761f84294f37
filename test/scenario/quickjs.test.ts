// A whole JavaScript engine as a guest, with an application in it: a checkpoint keeps it, and whatever was done since is gone after a
// restore or a failure. The engine is that of the package quickjs-wasi, which knows nothing of restarts.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  APPLICATION,
  LIST_REQUEST,
  SERVED_FACTOR,
  SHORT_REQUEST,
} from '#test/support/quickjs-application.js';
import { QUICKJS_IMPORTS, QUICKJS_MODULE, QuickjsGuest } from '#test/support/quickjs-guest.js';
import { BACKENDS, faultOf, SiteUnderTest } from '#test/support/scenario.js';

const GUEST = 'quickjs.wasm';
const ITEM = "handle('/items/42')";
const served = (answer: number): number => Math.floor(answer / SERVED_FACTOR);

let stableStorage: string;

beforeAll(() => {
  stableStorage = mkdtempSync(join(tmpdir(), 'rekindle-quickjs-'));
  copyFileSync(QUICKJS_MODULE, join(stableStorage, GUEST));
});

afterAll(() => {
  rmSync(stableStorage, { recursive: true });
});

describe.each(BACKENDS)('%s', (backend) => {
  describe.each(['in-place', 'fresh'] as const)('restored %s', (restore) => {
    let fixture: SiteUnderTest;
    let guest: QuickjsGuest;

    beforeAll(async () => {
      fixture = await SiteUnderTest.open({ backend, stableStorage });
      const options = { placement: 'inline', importsUrl: QUICKJS_IMPORTS, restore } as const;
      guest = QuickjsGuest.begin(await fixture.site.arun(GUEST, options));
      guest.addHostFunction('askHost');
      guest.text(`${APPLICATION}; 'begun'`);
      expect(served(guest.number(SHORT_REQUEST))).toBe(1);
      expect(await guest.process.checkpoint()).toBe(1);
    });

    afterAll(async () => {
      await fixture[Symbol.asyncDispose]();
    });

    it('is back at its checkpoint whenever it is restored, with the answers of the first time', () => {
      const { process } = guest;
      process.restoreSync();
      const item = guest.text(ITEM);
      expect(item).toContain('no. 42');
      process.restoreSync();
      const { pid } = process;
      const answers = [SHORT_REQUEST, LIST_REQUEST].map((request) => guest.number(request));
      for (let round = 0; round < 2; round += 1) {
        guest.text(
          "globalThis.handle = () => 'spoilt'; globalThis.left = new Array(50_000).fill({}); 'done'",
        );
        expect(guest.text(ITEM)).toBe('spoilt');
        process.restoreSync();
        expect(guest.text('typeof left')).toBe('undefined');
        expect(guest.text(ITEM)).toBe(item);
        process.restoreSync();
        expect([SHORT_REQUEST, LIST_REQUEST].map((request) => guest.number(request))).toEqual(answers);
      }
      expect([process.pid, process.generation, fixture.log.restarts]).toEqual([pid, 1, []]);
      expect(answers.map(served)).toEqual([2, 3]);
    });

    it.each([
      ['in the host, deep in a script', 'host-error', "[1].map(() => handle('/totals') + askHost())"],
      ['in the engine', 'trap', null],
    ] as const)('fails %s, and goes on from its checkpoint', async (_where, kind, script) => {
      const { process } = guest;
      process.restoreSync();
      const first = guest.number(SHORT_REQUEST);
      for (let round = 0; round < 2; round += 1) {
        guest.number(SHORT_REQUEST);
        const { pid } = process;
        const failing = script === null ? process.call('abort') : begun(() => guest.number(script));
        expect((await faultOf(failing)).kind).toBe(kind);
        expect(process.pid).not.toBe(pid);
        expect(guest.number(SHORT_REQUEST)).toBe(first);
        expect(guest.text(ITEM)).toContain('no. 42');
      }
      expect(fixture.log.mishaps).toEqual([]);
    });

    it('makes its next checkpoint after a script that threw', async () => {
      const { process } = guest;
      process.restoreSync();
      expect(() => guest.number("serve('/pages/7'); throw new Error('of its own')")).toThrow('of its own');
      expect(process.generation).toBe(1);
      expect(await process.checkpoint()).toBe(2);
      const next = served(guest.number(SHORT_REQUEST));
      process.restoreSync();
      expect(served(guest.number(SHORT_REQUEST))).toBe(next);
    });
  });
});

/** A call that is made at once, as a promise. */
async function begun<T>(call: () => T): Promise<T> {
  return call();
}
