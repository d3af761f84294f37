// Files as a process of a site has them: what is mounted for it, what becomes of it and of open descriptors with restarts, checkpoints and
// the end of the site, and that nothing of it is left behind.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ArunOptions, Process } from '#runtime/index.js';
import { makeHostDirectory } from '#test/contract/files/file-systems.js';
import { number, openProbeSite, type ProbeSite, refusal } from '#test/support/probe-site.js';
import { DIAGONAL, MATRIX } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

const GUEST = 'files.wasm';
const [HOST, MEMORY, VOLUME] = [0, 1, 2];
const EBADF = 8;

let place: ReturnType<typeof makeHostDirectory>;
let shared: string;

beforeEach(() => {
  place = makeHostDirectory();
  shared = join(place.path, 'shared');
  mkdirSync(shared);
});

afterEach(() => {
  place[Symbol.dispose]();
});

const text = async (process: Process, name: string, ...args: (string | number)[]): Promise<string> =>
  String(await process.call(name, args, { returns: 'string' }));

async function start(opened: ProbeSite, options: ArunOptions = {}): Promise<Process> {
  const mounts: ArunOptions['mounts'] = {
    '/shared': { kind: 'host', path: shared, access: 'read-write' },
    '/own': { kind: 'memory' },
    '/kept': { kind: 'volume', volume: 'kept' },
  };
  const process = await opened.site.arun(GUEST, { group: 1, mounts, ...options });
  await opened.ready(process);
  return process;
}

async function crash(opened: ProbeSite, process: Process): Promise<void> {
  expect((await refusal(process.call('trap'))).code).toBe('GUEST_FAULT');
  await opened.ready(process);
}

describe.each(DIAGONAL)('$backend, $placement', ({ backend, placement }) => {
  const open = () => openProbeSite({ backend, stableStorage: TEST_GUESTS });

  it('a process sees what is mounted for it, and nothing else', async () => {
    writeFileSync(join(shared, 'greeting'), 'Hello');
    const process = await start(await open(), { placement });
    expect(await text(process, 'read', await number(process, 'open', HOST, 'greeting', 0), 100)).toBe(
      'Hello',
    );
    const made = await number(process, 'open', HOST, 'made', 1);
    expect(await number(process, 'write', made, 'by a guest')).toBe(10);
    expect(readFileSync(join(shared, 'made'), 'utf8')).toBe('by a guest');
    expect(await number(process, 'open', HOST, '../x', 1)).toBe(-63);
    expect(await number(process, 'open', 60, 'x', 1)).toBe(-EBADF);
    expect(readdirSync(place.path)).toEqual(['shared']);
  });

  it('a restart from generation 0 finds no file open, and memory empty', async () => {
    const opened = await open();
    const process = await start(opened, { placement });
    const [host, own] = [
      await number(process, 'open', HOST, 'kept', 1),
      await number(process, 'open', MEMORY, 'lost', 1),
    ];
    await number(process, 'write', host, 'kept');
    await number(process, 'close', 1);
    await crash(opened, process);
    expect(await text(process, 'read', host, 10)).toBe(`errno ${EBADF}`);
    expect(await text(process, 'read', own, 10)).toBe(`errno ${EBADF}`);
    expect(await text(process, 'read', await number(process, 'open', HOST, 'kept', 0), 10)).toBe('kept');
    expect(await number(process, 'open', MEMORY, 'lost', 0)).toBe(-44);
    expect(await number(process, 'write', 1, 'said again')).toBe(10);
    expect(opened.output()).toBe('said again');
  });

  it.each(['fault', 'restore'] as const)('a checkpoint keeps descriptors through a %s', async (cause) => {
    const opened = await open();
    const process = await start(opened, { placement });
    const [host, own] = [
      await number(process, 'open', HOST, 'log', 1),
      await number(process, 'open', MEMORY, 'own', 1),
    ];
    for (const descriptor of [host, own]) await number(process, 'write', descriptor, 'before');
    await process.checkpoint();
    for (let round = 0; round < 3; round += 1) {
      for (const descriptor of [host, own]) await number(process, 'write', descriptor, ' after');
      await number(process, 'close', own);
      const random = await number(process, 'random');
      if (cause === 'fault') await crash(opened, process);
      else await process.restore();
      expect(await number(process, 'random')).not.toBe(random);
      expect(await text(process, 'read', own, 100)).toBe('');
    }
    // What lies with the host stays; what is written next goes where the guest was at the checkpoint.
    expect(await number(process, 'write', host, '!')).toBe(1);
    expect(readFileSync(join(shared, 'log'), 'utf8')).toBe('before!after');
    const again = await number(process, 'open', MEMORY, 'own', 0);
    expect(await text(process, 'read', again, 100)).toBe('before');
  });

  it.each(['fault', 'restore'] as const)('what is in a volume stays, through a %s', async (cause) => {
    const opened = await open();
    const process = await start(opened, { placement });
    const kept = await number(process, 'open', VOLUME, 'log', 1);
    await number(process, 'write', kept, 'before');
    await process.checkpoint();
    for (let round = 0; round < 3; round += 1) {
      await number(process, 'write', kept, ' after');
      await number(process, 'open', VOLUME, `file-${round}`, 1);
      if (cause === 'fault') await crash(opened, process);
      else await process.restore();
    }
    expect(await number(process, 'write', kept, '!')).toBe(1);
    expect(await number(process, 'open', VOLUME, 'file-2', 0)).toBe(kept + 1);
    const { site } = opened;
    expect(Buffer.from(site.volumes.read('kept', 'log') ?? []).toString()).toBe('before!after');
    expect(site.volumes.list()).toMatchObject([{ name: 'kept', files: 4, mounts: 1 }]);
    expect((await refusal(() => site.volumes.remove('kept'))).code).toBe('VOLUME_BUSY');
    await site.killGroup(1);
    expect(site.volumes.remove('kept')).toBe(true);
  });

  it('a volume is shared, also by those who may only read', async () => {
    const opened = await open();
    opened.site.volumes.write('kept', 'dir/letter', Buffer.from('from the host'));
    const writer = await start(opened, { placement });
    const mounts = { '/kept': { kind: 'volume', volume: 'kept', access: 'read-only' } } as const;
    const reader = await start(opened, { placement, mounts, group: 2 });
    const letter = await number(reader, 'open', 0, 'dir/letter', 0);
    expect(await text(reader, 'read', letter, 5)).toBe('from ');
    const written = await number(writer, 'open', VOLUME, 'dir/letter', 1);
    await number(writer, 'write', written, 'FROM THE GUEST');
    expect(await text(reader, 'read', letter, 100)).toBe('THE GUEST');
    expect(await number(reader, 'open', 0, 'dir/letter', 1)).toBe(-69);
    expect(await number(reader, 'open', 0, 'new', 1)).toBe(-69);
  });

  it('or loses them, when that is wished', async () => {
    const opened = await open();
    const process = await start(opened, { placement, descriptors: 'lost' });
    const host = await number(process, 'open', HOST, 'log', 1);
    await process.checkpoint();
    await crash(opened, process);
    expect(await number(process, 'write', host, 'x')).toBe(-EBADF);
    expect(await number(process, 'open', HOST, 'log', 0)).toBe(host);
  });

  it('a signal is a fault, with its name', async () => {
    const opened = await open();
    const process = await start(opened, { placement });
    expect(await number(process, 'raise', 0)).toBe(0);
    expect(await number(process, 'raise', 99)).toBe(28);
    await refusal(process.call('raise', [6]));
    await opened.ready(process);
    expect(opened.events('fault').map(({ fault }) => [fault.kind, fault.message])).toEqual([
      ['trap', 'raised SIGABRT'],
    ]);
  });

  it('a guest that sleeps holds up only its own thread, and can be ended', async () => {
    const opened = await open();
    const process = await start(opened, { placement, callLimitMs: 200 });
    expect(await number(process, 'sleep', 1)).toBe(0);
    const asleep = await refusal(process.call('sleep', [600_000]));
    expect(asleep.code).toBe('GUEST_FAULT');
    await opened.ready(process);
    expect(opened.events('fault').map(({ fault }) => fault.kind)).toEqual(['timeout']);
    expect(await number(process, 'sleep', 0)).toBe(0);
  });

  it('a directory that is not there is refused before anything is started', async () => {
    const opened = await open();
    const missing = { kind: 'host', path: join(place.path, 'nowhere') } as const;
    const volume = { kind: 'volume', volume: 'unmade' } as const;
    const mounts = { '/v': volume, '/x': missing };
    const error = await refusal(opened.site.arun(GUEST, { placement, mounts }));
    expect([error.code, error.culprit]).toEqual(['MOUNT_UNAVAILABLE', missing.path]);
    expect(opened.site.aps()).toEqual([]);
    // Nor is a volume left behind, by this or by a module that cannot be loaded.
    const options = { placement, mounts: { '/v': volume } };
    expect((await refusal(opened.site.arun('nowhere.wasm', options))).code).toBe('MODULE_NOT_FOUND');
    expect(opened.site.volumes.list().map(({ name }) => name)).not.toContain('unmade');
  });

  it('leaves no descriptor of the host open', async () => {
    const opened = await open();
    const process = await start(opened, { placement });
    const before = readdirSync('/proc/self/fd').length;
    const numbers = [];
    for (let index = 0; index < 50; index += 1)
      numbers.push(await number(process, 'open', HOST, `file-${index}`, 1));
    expect(Math.max(...numbers)).toBe(55);
    expect(readdirSync('/proc/self/fd').length).toBeGreaterThanOrEqual(before + 50);
    await crash(opened, process);
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 10);
    expect(await number(process, 'open', HOST, 'file-0', 0)).toBe(6);
    await opened.site.shutdown();
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
  });
});

describe('a site that comes back', () => {
  it.each(MATRIX)(
    '$backend, $placement: finds mounts and descriptors as they were',
    async ({ backend, placement }) => {
      const bank = join(place.path, 'bank');
      const stableStorage = TEST_GUESTS;
      const first = await openProbeSite({ backend, stableStorage, bank });
      const process = await start(first, { placement });
      const host = await number(process, 'open', HOST, 'log', 1);
      const gone = await number(process, 'open', HOST, 'gone', 1);
      const own = await number(process, 'open', MEMORY, 'own', 1);
      const kept = await number(process, 'open', VOLUME, 'kept', 1);
      for (const descriptor of [host, gone, own, kept]) await number(process, 'write', descriptor, 'one,');
      await process.checkpoint();
      await number(process, 'write', host, 'lost');
      await first.site.shutdown();
      rmSync(join(shared, 'gone'));

      const second = await openProbeSite({ backend, stableStorage, bank });
      const back = await second.named(process.name);
      expect(await number(back, 'write', host, 'two,')).toBe(4);
      expect(readFileSync(join(shared, 'log'), 'utf8')).toBe('one,two,');
      expect(await number(back, 'write', gone, 'x')).toBe(-72);
      expect(await number(back, 'write', kept, 'two')).toBe(3);
      expect(Buffer.from(second.site.volumes.read('kept', 'kept') ?? []).toString()).toBe('one,two');
      expect(await number(back, 'write', own, 'two')).toBe(3);
      expect(await text(back, 'read', await number(back, 'open', MEMORY, 'own', 0), 100)).toBe('one,two');
    },
  );

  it('does not need the directory to be there', async () => {
    const bank = join(place.path, 'bank');
    const stableStorage = TEST_GUESTS;
    const first = await openProbeSite({ stableStorage, bank });
    const process = await start(first);
    await first.site.shutdown();
    rmSync(shared, { recursive: true });
    const second = await openProbeSite({ stableStorage, bank });
    const back = await second.named(process.name);
    expect(await number(back, 'open', HOST, 'log', 0)).toBe(-72);
    expect(await number(back, 'open', MEMORY, 'own', 1)).toBeGreaterThan(2);
  });
});
