// QuickJS, a JavaScript engine as a guest: an application is initialised in it once, and every request is served from that state. What a
// script leaves behind, or breaks, is gone before the next.
import { basename, dirname } from 'node:path';
import { openSite } from 'rekindle';
import { QUICKJS_MODULE, QuickjsGuest } from './quickjs-guest.mjs';

const APPLICATION = `
const stock = new Map([['lamp', 4950], ['chair', 8900]]);
let served = 0;
globalThis.serve = (name) => {
  served += 1;
  return JSON.stringify({ served, name, cents: stock.get(name) ?? null });
};
'ready'`;

const site = await openSite({ stableStorage: dirname(QUICKJS_MODULE) });
site.on('fault', ({ fault }) => console.log(`${fault.kind}: ${fault.message}`));

const start = performance.now();
const quickjs = await site.arun(basename(QUICKJS_MODULE), {
  placement: 'inline',
  importsUrl: new URL('quickjs-guest.mjs', import.meta.url),
});
const guest = QuickjsGuest.begin(quickjs);
guest.addHostFunction('askHost');
guest.text(APPLICATION);
console.log(`started in ${(performance.now() - start).toFixed(2)} ms`);
console.log(`checkpoint: generation ${await quickjs.checkpoint()}`);

for (const name of ['lamp', 'chair']) {
  const begun = performance.now();
  quickjs.restoreSync();
  console.log(guest.text(`serve('${name}')`));
  console.log(`restored and served in ${(performance.now() - begun).toFixed(3)} ms`);
}

// A script that empties the stock, and then calls a function of the host that fails: a fault in the middle of it.
try {
  guest.text('stock.clear(); askHost()');
} catch (error) {
  console.log(error.code);
}
console.log(guest.text("serve('lamp')"));

await site.shutdown();
