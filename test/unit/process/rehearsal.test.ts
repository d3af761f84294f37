// The rehearsal in an idle worker: it goes through in either backend, leaves the bank as it is, and asks nothing of the host.
import { expect, test } from 'vitest';
import { Bank } from '#runtime/memory/bank.js';
import { rehearse } from '#runtime/process/rehearsal.js';
import type { HostServices } from '#runtime/process/services.js';
import { BACKENDS } from '#test/support/scenario.js';

const SIZE_BYTES = 1024 * 1024;

/** Whoever asks for anything fails. */
const nobody = new Proxy(Object.create(null) as HostServices, {
  get: (_, name) => {
    throw new Error(`${String(name)} was asked for`);
  },
});

test.each(BACKENDS)('%s: leaves the bank as it is', (backend) => {
  using bank = Bank.create({ backend, sizeBytes: SIZE_BYTES });
  const before = bank.view.bytes(0, SIZE_BYTES).slice();
  for (let time = 0; time < 3; time += 1) rehearse(bank.handle(), nobody);
  expect(Buffer.compare(bank.view.bytes(0, SIZE_BYTES), before)).toBe(0);
});
