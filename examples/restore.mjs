// Every request in the same state: the guest is initialised once, makes a checkpoint, and is brought back to it after each request. That
// is no restart: nothing has failed, and the rest of the group is left alone.
import { openSite } from 'rekindle';

const site = await openSite({ stableStorage: new URL('../guests/build', import.meta.url) });
const counter = await site.arun('counter.wasm', { group: 1, args: ['100'], placement: 'inline' });

// A bound function costs hardly more than a bare call of the guest's export.
const increment = counter.bind('increment');
const value = counter.bind('value');

await counter.checkpoint();
for (const request of ['first', 'second', 'third']) {
  increment();
  increment();
  console.log(`${request} request: ${value()}`);
  counter.restoreSync();
}
console.log(`afterwards: ${value()}, total ${counter.callSync('total')}`);

await site.shutdown();
