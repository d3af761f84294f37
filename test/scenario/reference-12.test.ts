// Reference, section 12: what this project decides where the documentation is silent, row by row, on one site. Rows 3, 4 and 5 (blocks,
// hrfexec, lengths) are proved in reference-2-blocks and reference-3-spawn, whose titles say so, rows 10 and 14 in reference-3-restart
// and reference-3-spawn, "sharing blocks" in reference-2-keys-and-sharing, "clean exit" in reference-3-restart; here are the others.
import { describe, expect, it } from 'vitest';
import * as errors from '#abi/errors.js';
import {
  type ArunOptions,
  DEFAULT_LIMITS,
  DEFAULT_POLICY,
  type Process,
  type SiteOptions,
} from '#runtime/index.js';
import { ProbeCalls } from '#test/support/probe-calls.js';
import { openProbeSite, refusal } from '#test/support/probe-site.js';
import { PLACEMENTS, until } from '#test/support/scenario.js';

const LONG_MS = 3_600_000;

describe.each(PLACEMENTS)('section 12: %s', (placement) => {
  async function open(policy: SiteOptions['policy'] = {}, limits: SiteOptions['limits'] = {}) {
    const opened = await openProbeSite({
      policy: { intervalMs: LONG_MS, siteIntervalMs: LONG_MS, ...policy },
      limits,
    });
    const probe = (options: ArunOptions = {}) => opened.probe({ placement, ...options });
    /** Crashes until the group has been restarted, or taken out of service, as often as asked for. */
    const crash = async (process: Process, times = 1) => {
      for (let time = 0; time < times; time += 1) {
        await refusal(process.call('trap'));
        await until('it is back, or in quarantine', () => ['ready', 'stopped'].includes(process.state));
      }
    };
    const rungs = () => opened.events('restarted').map(({ group, rung }) => `${group}:${rung}`);
    const escalations = () => opened.events('escalated').map(({ group, rung }) => `${group}:${rung}`);
    return { opened, site: opened.site, probe, crash, rungs, escalations };
  }

  it('12 row 1: maxBadness restarts within the interval, one more is a site restart', async () => {
    const { probe, crash, rungs, escalations, site, opened } = await open({ maxBadness: 3 });
    const [failing, bystander] = [await probe({ group: 1 }), await probe({ group: 2 })];
    await crash(failing, 3);
    expect(rungs()).toEqual(['1:group', '1:group', '1:group']);
    expect(site.report().groups.find(({ group }) => group === 1)?.badness).toBe(3);
    await crash(failing);
    await until('the site was restarted', () => opened.events('siteRestarted').length === 1);
    await opened.ready(bystander);
    expect(escalations()).toEqual(['1:site']);
    expect(rungs().slice(3).sort()).toEqual(['1:site', '2:site']);
  });

  it('12 row 1: restarts outside the interval are forgotten', async () => {
    const { probe, crash, escalations, rungs } = await open({ maxBadness: 1, intervalMs: 0.001 });
    await crash(await probe({ group: 1 }), 4);
    expect(escalations()).toEqual([]);
    expect(rungs()).toEqual(['1:group', '1:group', '1:group', '1:group']);
  });

  it('12 row 1: the defaults are 5 and 10 000 ms', () => {
    expect(DEFAULT_POLICY).toMatchObject({ maxBadness: 5, intervalMs: 10_000 });
  });

  it('12 row 1b: more site restarts than allowed on account of one group start that group cold', async () => {
    const { probe, crash, escalations, rungs, site, opened } = await open({
      maxBadness: 1,
      maxSiteRestarts: 2,
    });
    const [failing, bystander] = [await probe({ group: 1 }), await probe({ group: 2 })];
    const calls = new ProbeCalls(failing);
    await calls.allocate('TIED', 8, await calls.groupKey());
    const own = await calls.allocate('OWN', 8);
    await calls.poke(own.address, 3);
    await bystander.call('bump');
    // The site restarts count as restarts of the group themselves; so they follow one another.
    await crash(failing, 4);
    await until('the group was started cold', () => rungs().includes('1:cold'));
    await opened.ready(failing);
    expect(escalations()).toEqual(['1:site', '1:site', '1:cold']);
    expect(site.pmstat().flatMap((row) => (row.system ? [] : [row.name]))).toEqual(['OWN']);
    const kept = await calls.allocate('OWN', 8);
    expect(await calls.peek(kept.address)).toBe(3);
    await opened.ready(bystander);
    expect(await failing.call('bump')).toBe(1);
  });

  it('12 row 1b: a group that goes on failing is quarantined, harms nobody, and can be released', async () => {
    const { probe, crash, escalations, site, opened } = await open({ maxBadness: 1, maxSiteRestarts: 1 });
    const [failing, bystander] = [await probe({ group: 1 }), await probe({ group: 2 })];
    const calls = new ProbeCalls(failing);
    for (let time = 0; time < 20 && opened.events('quarantined').length === 0; time += 1)
      await crash(failing);
    await opened.ready(bystander);
    expect(escalations().slice(-2)).toEqual(['1:cold', '1:quarantine']);
    const row = site.report().groups.find(({ group }) => group === 1);
    expect(row?.phase).toBe('quarantined');
    expect(row?.reason).toMatch(/trap/);
    expect((await refusal(failing.call('bump'))).code).toBe('GROUP_QUARANTINED');
    const refused = await refusal(site.arun('probe.wasm', { placement, group: 1 }));
    expect([refused.code, refused.culprit]).toEqual(['GROUP_QUARANTINED', 'group 1']);
    const bystanderPid = bystander.pid;
    await site.restart();
    await opened.ready(bystander);
    expect(bystander.pid).not.toBe(bystanderPid);
    expect(failing.state).toBe('stopped');
    await site.releaseGroup(1);
    await opened.ready(failing);
    expect(await failing.call('bump')).toBe(1);
    expect((await calls.allocate('STILL_WORKS', 8)).status).toBe(errors.K_OK);
  });

  const switches: readonly [
    rungs: { site: boolean; cold: boolean; quarantine: boolean },
    climbed: string[],
  ][] = [
    [{ site: false, cold: true, quarantine: true }, ['1:cold', '1:quarantine']],
    [{ site: false, cold: false, quarantine: true }, ['1:quarantine']],
    [{ site: false, cold: false, quarantine: false }, []],
    [{ site: true, cold: false, quarantine: true }, ['1:site', '1:quarantine']],
  ];
  it.each(switches)('12 row 1b: each rung can be switched off: %j', async (switched, climbed) => {
    const { probe, crash, escalations, opened } = await open({
      maxBadness: 1,
      maxSiteRestarts: 1,
      rungs: switched,
    });
    const process = await probe({ group: 1 });
    for (let time = 0; time < 8 && opened.events('quarantined').length === 0; time += 1) await crash(process);
    expect(escalations()).toEqual(climbed);
    expect(process.state).toBe(climbed.includes('1:quarantine') ? 'stopped' : 'ready');
  });

  it('12 row 2: the limits have the stated defaults and each is enforced with a named error', async () => {
    expect(DEFAULT_LIMITS).toMatchObject({
      maxProcesses: 1024,
      maxGroups: 256,
      maxBlocks: 4096,
      bankSizeBytes: 256 * 1024 * 1024,
    });
    const MiB = 1024 * 1024;
    const { probe, site } = await open(
      {},
      { maxProcesses: 2, maxGroups: 4, maxBlocks: 8, bankSizeBytes: MiB },
    );
    const process = await probe({ group: 3 });
    expect((await refusal(site.arun('probe.wasm', { placement, group: 4 }))).code).toBe('GROUP_LIMIT');
    const calls = new ProbeCalls(process);
    expect((await calls.allocate('BIG', MiB)).status).toBe(errors.K_ENOMEM);
    await probe();
    expect((await refusal(site.arun('probe.wasm', { placement }))).code).toBe('PROCESS_LIMIT');
  });

  it('12 row 8: a failure while restarting counts as a new failure of the group', async () => {
    const { opened, site, escalations } = await open({
      maxBadness: 3,
      rungs: { site: false, cold: false, quarantine: true },
    });
    const process = await site.arun('probe-command.wasm', {
      placement,
      group: 1,
      args: ['C', 'exit:1'],
    });
    await until('the group is in quarantine', () => opened.events('quarantined').length === 1);
    expect(opened.events('fault')).toHaveLength(4);
    expect(escalations()).toEqual(['1:quarantine']);
    expect(process.state).toBe('stopped');
  });

  it('12 row 11: pmstat lists blocks: name, size, key, group, owner', async () => {
    const { probe, site } = await open();
    const process = await probe({ group: 7 });
    const plain = await probe({ restartable: false });
    const [calls, outside] = [new ProbeCalls(process), new ProbeCalls(plain)];
    await calls.allocate('TIED', 5000, await calls.groupKey());
    await calls.allocate('BYTES', 1, await calls.key(Uint8Array.of(0x41, 0, 0xff)));
    await outside.allocate('PLAIN', 1, await outside.key('k'));
    expect(site.pmstat().filter((row) => !row.system)).toEqual([
      {
        name: 'TIED',
        sizeBytes: 8192,
        key: '__SYS_HR_GROUP',
        group: 7,
        owner: process.name,
        system: false,
        mappings: 1,
      },
      {
        name: 'BYTES',
        sizeBytes: 4096,
        key: 'A\\x00\\xff',
        group: 7,
        owner: process.name,
        system: false,
        mappings: 1,
      },
      {
        name: 'PLAIN',
        sizeBytes: 4096,
        key: 'k',
        group: null,
        owner: plain.name,
        system: false,
        mappings: 1,
      },
    ]);
  });
});

it('12 row 6: the error names have one numbering, each its own number', () => {
  const knErrors = ['K_OK', 'K_EINVAL', 'K_EFAULT', 'K_ENOMEM', 'K_EPRIV', 'K_EUNKNOWN', 'K_EFAIL'];
  const numbers = Object.entries(errors).filter(([name]) => name.startsWith('K_'));
  expect(numbers.map(([name]) => name).sort()).toEqual([...knErrors].sort());
  expect(new Set(numbers.map(([, value]) => value)).size).toBe(knErrors.length);
  expect(errors.K_OK).toBe(0);
  for (const [name, value] of numbers) if (name !== 'K_OK') expect(value).toBeLessThan(0);
});
