// A host that one of its guests takes down: `host.die` kills this very process. Opens the bank, starts what is to run when nothing is
// registered yet, and tells as JSON what came of it if it gets so far.
import { openSite } from '#runtime/index.js';
import { DEADLY, SOUND } from './reopen-deadly.js';

const [, , stableStorage = '', bank = ''] = process.argv;
const die = (): undefined => {
  process.kill(process.pid, 'SIGKILL');
  // The signal comes when the kernel is left; nothing more may be done until then.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
};
await using site = await openSite({ stableStorage, bank, imports: { host: { die } }, warmWorkers: 0 });
if (site.start === 'cold') {
  await site.arun(SOUND, { group: 1, placement: 'inline' });
  await site.arun(DEADLY, { group: 2, placement: 'inline' });
}
const answer = await site.process('sound#1')?.call('answer');
process.stdout.write(JSON.stringify({ answer, groups: site.report().groups }));
