// Calls with more than numbers: strings, arrays of numbers and arrays of strings go in and come back as copies. The guest must have
// been compiled with --exportRuntime, and must export the type id of every array type it takes (guests/counter.ts).
import { openSite } from 'rekindle';

const site = await openSite({ stableStorage: new URL('../guests/build', import.meta.url) });
const counter = await site.arun('counter.wasm', { group: 1 });

// Numbers need nothing: i32, f32 and f64 are numbers, i64 is a bigint.
console.log(await counter.call('add', [5]), await counter.call('total'));

// `returns` says how to read a pointer that comes back.
console.log(await counter.call('greet', ['world'], { returns: 'string' }));
console.log(await counter.call('joined', [['a', 'list', 'of', 'strings']], { returns: 'string' }));
console.log(await counter.call('sum', [Int32Array.of(1, 2, 3)]));
console.log(await counter.call('scale', [Float64Array.of(1, 2.5), 4], { returns: 'array' }));

// What does not fit the function never reaches the guest. A string fits where a pointer is taken, and a pointer is any i32.
await counter.call('add', [5n]).catch((error) => console.log(error.message));
await counter.call('add', [5, 6]).catch((error) => console.log(error.message));
await counter.call('subtract').catch((error) => console.log(error.message));

await site.shutdown();
