// Ruby as a guest, 30 MB of a program that knows nothing of restarts: its interpreter and an application are set up once, and a restore,
// a fault and the death of the whole site bring it back to that point.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Process } from '#runtime/index.js';
import { RUBY_ANSWER, RUBY_APPLICATION, RUBY_REQUEST } from '#test/support/ruby-application.js';
import { RUBY_IMPORTS, RUBY_MODULE, RubyGuest } from '#test/support/ruby-guest.js';
import { BACKENDS, type Backend, faultOf, SiteUnderTest } from '#test/support/scenario.js';
import { guestsRow } from '../../bench/rows/guests.js';
import { runInSmall } from '../unit/bench/run-in-small.js';

const STORAGE = { stableStorage: dirname(RUBY_MODULE), limits: { bankSizeBytes: 2 ** 29 } };
const GUEST = basename(RUBY_MODULE);
/** Setting Ruby up takes a second: not every combination. */
const MATRIX = [
  ...BACKENDS.map((backend) => ({ backend, restore: 'in-place' }) as const),
  { backend: BACKENDS[0] as Backend, restore: 'fresh' } as const,
];

async function begin(fixture: SiteUnderTest, restore: 'in-place' | 'fresh'): Promise<[Process, RubyGuest]> {
  const process = await fixture.site.arun(GUEST, {
    placement: 'inline',
    importsUrl: RUBY_IMPORTS,
    restore,
    group: 3,
  });
  const guest = RubyGuest.begin(process);
  expect(guest.text(RUBY_APPLICATION)).toBe('ready');
  expect(await process.checkpoint()).toBe(1);
  return [process, guest];
}

describe.each(MATRIX)('$backend, restored $restore', ({ backend, restore }) => {
  let fixture: SiteUnderTest;
  let process: Process;
  let guest: RubyGuest;

  beforeAll(async () => {
    fixture = await SiteUnderTest.open({ backend, ...STORAGE });
    [process, guest] = await begin(fixture, restore);
  });

  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  it('meets every request in the same state', () => {
    for (let round = 0; round < 3; round += 1) {
      process.restoreSync();
      expect(guest.text(RUBY_REQUEST)).toBe(RUBY_ANSWER);
      expect(guest.text(RUBY_REQUEST)).toBe(RUBY_ANSWER.replace('1', '2'));
      guest.text("ITEMS.clear; def serve(_) = 'spoilt'; $left = Array.new(50_000) { +'left' }; GC.start");
      expect(guest.text(RUBY_REQUEST)).toBe('spoilt');
    }
    process.restoreSync();
    expect(guest.text('$left.inspect')).toBe('nil');
    expect(process.generation).toBe(1);
  });

  it('raises, throws and reports like any Ruby, which is no fault', () => {
    process.restoreSync();
    expect(() => guest.text("raise ArgumentError, 'of its own'")).toThrow('of its own (ArgumentError)');
    expect(() => guest.text('def')).toThrow('cannot be read as Ruby');
    expect(guest.text("[1, 2].each { |each| break 'broken off' if each == 2 }")).toBe('broken off');
    expect(guest.text("Fiber.new { Fiber.yield 'from a fiber' }.resume")).toBe('from a fiber');
    expect(guest.text(RUBY_REQUEST)).toBe(RUBY_ANSWER);
  });

  it.each([
    ['by asking for JavaScript', 'host-error', "require 'js'; JS.eval('1')"],
    ['by ending itself', 'exit', 'exit!(3)'],
    ['in the interpreter', 'trap', null],
  ] as const)('fails %s in the middle of a request, and serves on', async (_how, kind, script) => {
    for (let round = 0; round < 2; round += 1) {
      process.restoreSync();
      guest.text(RUBY_REQUEST);
      const { pid } = process;
      const failing =
        script === null
          ? process.call('cabi_post_rstring-ptr', [-16])
          : begun(() => guest.text(`ITEMS.each { |id, _| ${script} if id == 7 }`));
      expect((await faultOf(failing)).kind).toBe(kind);
      await process.ready();
      expect(process.pid).not.toBe(pid);
      expect(guest.text(RUBY_REQUEST)).toBe(RUBY_ANSWER);
    }
    expect(fixture.log.mishaps).toEqual([]);
  });
});

it('is back with its site, initialised as it was', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-ruby-'));
  try {
    const bank = join(directory, 'bank');
    {
      await using fixture = await SiteUnderTest.open({ bank, ...STORAGE });
      const [, guest] = await begin(fixture, 'in-place');
      guest.text('ITEMS.clear');
    }
    // The module is not looked for any more.
    await using fixture = await SiteUnderTest.open({ ...STORAGE, bank, stableStorage: directory });
    const process = fixture.site.process('ruby+stdlib#1');
    if (process === null) throw new Error('the process has not come back');
    await process.ready();
    expect(new RubyGuest(process).text(RUBY_REQUEST)).toBe(RUBY_ANSWER);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it('is measured beside its start, in the same run', async () => {
  const points = await runInSmall(guestsRow(['QuickJS']), { turns: 1 });
  expect(points?.map(({ peers }) => peers.length)).toEqual([2, 0, 2, 1]);
});

/** A call that is made at once, as a promise. */
async function begun<T>(call: () => T): Promise<T> {
  return call();
}
