import { openSite } from 'rekindle';

const site = await openSite({ stableStorage: new URL('../guests/build', import.meta.url) });
site.on('restarted', ({ group }) => console.log(`group ${group} is back`));
const counter = await site.arun('counter.wasm', { group: 7, args: ['40'] });
console.log(await counter.call('increment'), await counter.call('total')); // 41 1n
await counter.call('crash').catch((error) => console.log(error.message));
await counter.ready();
console.log(await counter.call('value'), await counter.call('total')); // 40 1n
await site.shutdown();
