// The till of the main job: a direct process that adds up sales and has a printer, an indirect process it spawns. Takings are in a
// block of persistent memory; the number of sales since the start is in a plain variable, and a restart forgets it.
// It must spawn the printer in every run: after a restart of the group nobody else does.
import { errno, hrfexecl, PmmName } from '../abi/assemblyscript/index.ts';
import { takeIn, takingsCents } from './till-takings.ts';

export { __stack_pointer } from 'memory';
export { takingsCents };

const PRINTER_PATH = 'till-printer.wasm';

let sales: i32 = 0;
const printer = hrfexecl(new PmmName('printer'), PRINTER_PATH, null, null, [PRINTER_PATH]);
assert(printer >= 0, `till: cannot spawn its printer: errno ${errno()}`);

/** Takes in `cents`; the takings. */
export function sell(cents: i32): i32 {
  takeIn(cents);
  sales += 1;
  return takingsCents();
}

/** Takes in `cents` and fails on purpose. */
export function sellAndFail(cents: i32): void {
  sell(cents);
  unreachable();
}

/** Sales since the till was started or restarted. */
export function salesSinceStart(): i32 {
  return sales;
}

/** The pid of the printer this run has spawned. */
export function printerPid(): i32 {
  return printer;
}
