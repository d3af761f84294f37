// Time limits: a guest that does not come back is a fault like any other, and its group is restarted. In a thread the host goes on
// meanwhile; an inline guest holds up the host until its time is up, so it should always have a limit.
import { openSite } from 'rekindle';

const site = await openSite({ stableStorage: new URL('../guests/build', import.meta.url) });

for (const placement of ['thread', 'inline']) {
  const restarted = new Promise((resolve) => {
    const listener = (report) => {
      site.off('restarted', listener);
      resolve(report);
    };
    site.on('restarted', listener);
  });

  // `callLimitMs` holds for every call; a call may bring its own.
  const faulty = await site.arun('faulty.wasm', { group: 1, placement, callLimitMs: 1000 });
  console.log(placement, 'ping', await faulty.call('ping'));
  await faulty
    .call('endlessLoop', [], { limitMs: 50 })
    .catch((error) => console.log(placement, error.fault.kind));

  const { culprit, rung } = await restarted;
  console.log(placement, 'restarted:', culprit, 'rung', rung);
  console.log(placement, 'ping', await faulty.call('ping'));
  await site.killGroup(1);
}

await site.shutdown();
