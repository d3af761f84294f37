// A bank in a directory: what is registered in it outlives this program, however that ends. Run it more than once: the first time the
// counter is started, from then on it is there again. Its name is that of its file and a number that counts the processes of the site: the
// first is `counter#1`. With other processes started before it, look in `site.aps()` for its path and group. Argument: [directory of the bank].
import { openSite } from 'rekindle';

const [, , bank = '/dev/shm/rekindle-example'] = process.argv;
const site = await openSite({ stableStorage: new URL('../guests/build', import.meta.url), bank });
const counter = site.process('counter#1') ?? (await site.arun('counter.wasm', { group: 7, args: ['40'] }));
await counter.ready();
await counter.call('increment');
const generation = await counter.checkpoint();
await counter.call('increment'); // In no checkpoint: gone with this program. The total is in a block.
const [value, total] = [await counter.call('value'), await counter.call('total')];
console.log(`${site.start}: generation ${generation}, ${value} ${total}`);
process.kill(process.pid, 'SIGKILL');
