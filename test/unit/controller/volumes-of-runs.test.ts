// What a run has open of the volumes is its own: it is given up when the run is over, however that comes, and never while it goes on.
import { afterEach, expect, it } from 'vitest';
import { end, ProcessFixture } from './process-fixture.js';

let fixture: ProcessFixture | null = null;
afterEach(() => {
  fixture?.[Symbol.dispose]();
  fixture = null;
});

it('is given up when the run is stopped or ends, and not by a restore', () => {
  fixture = new ProcessFixture();
  const process = fixture.process('p');
  process.load(5);
  process.launch();
  process.reacquireBlocks();
  expect(fixture.runsOver).toEqual([]);
  process.stop('restarting', { code: 'PROCESS_RESTARTED' });
  expect(fixture.runsOver).toEqual([5]);
  process.load(6);
  process.launch();
  end(process);
  expect(fixture.runsOver).toEqual([5, 6]);
});
