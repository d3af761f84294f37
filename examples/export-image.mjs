// An exported image: a process in its present state as a WebAssembly module of its own, which any engine can run. Here that is Node itself,
// without a site; what the guest imports is replaced by traps, so nothing has to be provided.
import { exportImage, openSite } from 'rekindle';

const site = await openSite({ stableStorage: new URL('../guests/build', import.meta.url) });
const counter = await site.arun('counter.wasm', { args: ['40'] });
await counter.ready();
await counter.call('increment');
const bytes = await exportImage(counter);
await site.shutdown();

const { instance } = await WebAssembly.instantiate(bytes);
const { increment, total, value } = instance.exports;
console.log(`it goes on from ${value()}: ${increment()}`);
// The block is a part of its memory now, and its alone.
console.log(`total ${total()}`);
console.log(`imports: ${WebAssembly.Module.imports(new WebAssembly.Module(bytes)).length}`);
