// The guests the rows of the benchmark are made of: that they say what the rows take from them, and that a module made larger is one the
// engine takes.
import { describe, expect, it } from 'vitest';
import { clockModule, timeUs } from '../../../bench/clock-guest.js';
import { ModuleDirectory } from '../../../bench/ground.js';
import { withFunctionsRepeated } from '../../../bench/large-guest.js';
import { markingModule } from '../../../bench/marking-guest.js';
import { addMarkingGuest, MARKING, MARKING_GUEST, openTirelessSite } from '../../../bench/marking-site.js';
import { marks, nowUs } from '../../../bench/marks.js';
import { ownTimes } from '../../../bench/own-times.js';
import { spawningModule } from '../../../bench/spawning-guest.js';

const SIZE_BYTES = 128 * 1024;

describe('a module with its functions repeated', () => {
  it.each([1, 2, 7, 200])('%d times is valid, and has the exports it had', (times) => {
    const once = markingModule(SIZE_BYTES, true);
    const repeated = new WebAssembly.Module(Uint8Array.from(withFunctionsRepeated(once, times)));
    expect(WebAssembly.Module.exports(repeated)).toEqual(
      WebAssembly.Module.exports(new WebAssembly.Module(once)),
    );
  });

  it('grows by its functions each time', () => {
    const sizes = [1, 2, 3].map((times) => withFunctionsRepeated(clockModule(), times).length);
    expect(sizes[0]).toBe(clockModule().length);
    expect((sizes[2] ?? 0) - (sizes[1] ?? 0)).toBe((sizes[1] ?? 0) - (sizes[0] ?? 0));
  });
});

describe('a marking guest', () => {
  it.each(['inline', 'thread'] as const)('tells when it trapped and was back, %s', async (placement) => {
    using modules = new ModuleDirectory();
    addMarkingGuest(modules);
    await using site = await openTirelessSite(modules, { warmWorkers: 0 });
    const guest = await site.arun(MARKING_GUEST, { ...MARKING, placement });
    const beforeUs = nowUs();
    await expect(guest.call('crash')).rejects.toThrow(expect.objectContaining({ code: 'GUEST_FAULT' }));
    await guest.ready();
    const [leftUs, enteredUs, awayUs] = [
      Number(await guest.call('leftUs')),
      Number(await guest.call('enteredUs')),
      Number(await guest.call('awayUs')),
    ];
    expect(leftUs).toBeGreaterThanOrEqual(beforeUs);
    expect(enteredUs).toBeGreaterThanOrEqual(leftUs);
    expect(nowUs()).toBeGreaterThanOrEqual(enteredUs);
    expect(awayUs).toBe(enteredUs - leftUs);
    if (placement === 'inline') expect(marks.marks.leftUs()).toBe(leftUs);
  });

  it('stores to the pages it is told', () => {
    const module = new WebAssembly.Module(markingModule(SIZE_BYTES, false));
    const { memory, dirty } = new WebAssembly.Instance(module, marks).exports;
    if (!(memory instanceof WebAssembly.Memory) || typeof dirty !== 'function')
      throw new Error('it exports them');
    dirty(4, 4096);
    const stored = [...new Uint8Array(memory.buffer).entries()].filter(([, byte]) => byte !== 0);
    expect(stored).toEqual([
      [0, 4],
      [4096, 4],
      [8192, 4],
      [12288, 4],
    ]);
  });
});

describe('a spawning guest', () => {
  it.each(['inline', 'thread'] as const)('asks for its child anew in every run, %s', async (placement) => {
    using modules = new ModuleDirectory();
    modules.add('child.wasm', clockModule());
    modules.add('parent.wasm', spawningModule('the child', 'child.wasm'));
    await using site = await openTirelessSite(modules, { warmWorkers: 0 });
    const parent = await site.arun('parent.wasm', { placement });
    const pids = new Set<unknown>();
    for (let run = 0; run < 2; run += 1) {
      const pid = await parent.call('spawn');
      const child = site.process('the child');
      await child?.ready();
      expect(child?.pid).toBe(pid);
      const enteredUs = timeUs(await child?.call('enteredNs'));
      expect(enteredUs).toBeGreaterThanOrEqual(timeUs(await parent.call('askedNs')));
      pids.add(pid);
      await expect(parent.call('crash')).rejects.toThrow(expect.objectContaining({ code: 'GUEST_FAULT' }));
      await parent.ready();
    }
    expect(pids.size).toBe(2);
  });
});

describe('a case that takes its own times', () => {
  it.each([0, 5])('gives every sample it took in %d ms, and at least one', async (sliceMs) => {
    let taken = 0;
    const samples = await ownTimes('counting', async () => {
      taken += 1;
      return taken;
    }).slice(sliceMs);
    expect(samples.length).toBeGreaterThan(0);
    expect(samples).toEqual(Array.from({ length: taken }, (_, position) => position + 1));
  });
});
