// Checkpoints: from generation 1 on a restart goes back to the last checkpoint and not to the start. Memory, globals and tables go
// back; a persistent block does not, because it is where a process keeps what no restart may take away.
import { openSite } from 'rekindle';

const site = await openSite({ stableStorage: new URL('../guests/build', import.meta.url) });
const counter = await site.arun('counter.wasm', { group: 1, args: ['100'] });

async function failAndComeBack() {
  const restarted = new Promise((resolve) => site.on('restarted', resolve));
  await counter.call('crash').catch((error) => console.log(error.message));
  await restarted;
}

async function show(when) {
  const [value, total] = [await counter.call('value'), await counter.call('total')];
  console.log(`${when}: generation ${counter.generation}, value ${value}, total ${total}`);
}

await counter.call('increment');
console.log(`checkpoint: generation ${await counter.checkpoint()}`);
await counter.call('increment');
await show('before the fault');
await failAndComeBack();
await show('after it');

// The guest may also make one itself, in the middle of a call, with hrCheckpoint().
console.log(`checkpoint by the guest: generation ${await counter.call('checkpoint')}`);

await site.shutdown();
