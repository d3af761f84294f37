// A reactor that needs its embedder: it reads a sensor and keeps a journal, and both are functions of the host. It must be
// started with a `sensor.temperature` and a `journal.entry` among its imports.
import { entry } from './journal.ts';
import { temperature } from './sensor.ts';

export { __stack_pointer } from 'memory';

const TARGET_CELSIUS: f64 = 20.0;

/** Reads the sensor once: 1 when the heating has to be on, 0 when not. */
export function check(): i32 {
  const celsius = temperature();
  const heating = celsius < TARGET_CELSIUS;
  const text = String.UTF8.encode(`${celsius} degrees, heating ${heating ? 'on' : 'off'}`);
  entry(changetype<usize>(text), text.byteLength);
  return heating ? 1 : 0;
}
