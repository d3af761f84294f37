// A guest that imports functions of its embedder, in the two forms there are. Functions of this thread take and return numbers and
// bigints; a module, loaded in the guest's own thread, can also read and write the guest's memory (embedder-module.mjs).
import { openSite } from 'rekindle';

const readings = [18.5, 21, Number.NaN];

/** What it throws is a fault of the guest that called it, of kind `host-error`. */
function temperature() {
  const celsius = readings.shift() ?? Number.NaN;
  if (Number.isNaN(celsius)) throw new Error('the sensor does not answer');
  return celsius;
}

const site = await openSite({ stableStorage: new URL('../guests/build', import.meta.url) });
const thermostat = await site.arun('thermostat.wasm', {
  group: 1,
  imports: { sensor: { temperature } },
  importsUrl: new URL('embedder-module.mjs', import.meta.url),
});

console.log('heating', await thermostat.call('check'));
console.log('heating', await thermostat.call('check'));
await thermostat.call('check').catch((error) => console.log(error.fault.kind, error.fault.message));

// A module that imports what nobody provides is refused by name, before anything runs.
await site.arun('thermostat.wasm', { group: 2 }).catch((error) => console.log(error.message));

await site.shutdown();
