// A program that was written for WASI and for nothing else: input, arguments and files go in, and its end, its output and its files come out.
// That it is not restartable says that its end is its end; a restartable one would be started again after an exit that it has not announced.
import { openSite } from 'rekindle';

const site = await openSite({ stableStorage: new URL('../guests/build', import.meta.url) });

async function countWords(text) {
  const program = await site.arun('word-count-c.wasm', {
    restartable: false,
    args: ['/log/counts'],
    mounts: { '/log': { kind: 'volume', volume: 'counts' } }, // or a directory: { kind: 'host', path, access: 'read-write' }
    stdio: { stdin: Buffer.from(text), stdout: 'capture', stderr: 'inherit' },
  });
  const end = await program.exited; // { kind: 'exit', status }, { kind: 'fault', fault } or { kind: 'killed' }
  return { end, output: Buffer.from(program.takeOutput('stdout').bytes).toString() };
}

const first = await countWords('the cat and the dog');
console.log(first.end.kind, first.end.status);
console.log(first.output.trimEnd());
await countWords('and the bird');
// What it has written lies in a volume, where the host reads it, and the next site too when there is a bank in a directory.
console.log(Buffer.from(site.volumes.read('counts', 'counts')).toString().trimEnd());
await site.shutdown();
