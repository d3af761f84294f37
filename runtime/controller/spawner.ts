// Starts processes: checks what is asked against the rules of names, groups and limits, loads the module, and hands the loaded
// process to the controller. Nothing is registered before it has been loaded, and a refusal leaves nothing behind.
import { AFX_TRUSTED } from '../../abi/hr.ts';
import { PMM_MEDIUM_RAM, PMM_NAME_SIZE, SYSTEM_PREFIX } from '../../abi/pmm.ts';
import { RekindleError } from '../errors.ts';
import { giveUpVolumes, requireMounts } from '../files/require-mounts.ts';
import type { Volumes } from '../files/volumes.ts';
import type { ModuleSource, ProcessImage, ProcessImages } from '../image/process-image.ts';
import type { Limits } from '../limits.ts';
import type { Bank } from '../memory/bank.ts';
import type { Credentials } from '../memory/credentials.ts';
import type { PersistentMemoryManager } from '../memory/persistent-memory-manager.ts';
import { HostedProcess, type ProcessPast } from '../process/hosted-process.ts';
import type { ProcessIdentity } from '../process/identity.ts';
import type { MaybePromise } from '../process/placement.ts';
import type { ExecRequest } from '../process/services.ts';
import { Stdio, type StdioEnds } from '../process/stdio.ts';
import type { HotRestartController } from './controller.ts';
import type { Embedding } from './embedding.ts';
import type { PastProcess } from './past.ts';
import type { PlacementMaker } from './placements.ts';
import { recordBytesOfProcess } from './process-record.ts';
import type { ProcessTable } from './process-table.ts';

export interface SpawnerOptions {
  /** Stable storage. */
  readonly modules: ModuleSource;
  readonly bank: Bank;
  readonly images: ProcessImages;
  readonly pmm: PersistentMemoryManager;
  readonly volumes: Volumes;
  readonly table: ProcessTable;
  readonly controller: HotRestartController;
  readonly placements: PlacementMaker;
  readonly limits: Limits;
  /** The host's own standard streams. */
  readonly hostStdio: StdioEnds;
}

/** A hrfexec under way: which run of which parent asked for it, and when it is over. */
interface Claim {
  readonly parent: HostedProcess;
  readonly parentPid: number;
  readonly over: Promise<void>;
}

export class Spawner {
  readonly #options: SpawnerOptions;
  readonly #embeddings = new WeakMap<HostedProcess, Embedding>();
  readonly #claims = new Map<string, Claim>();

  constructor(options: SpawnerOptions) {
    this.#options = options;
  }

  /** `arun`: starts a direct or a plain process. Rejects with the RekindleError that names the culprit. */
  async arun(identity: Omit<ProcessIdentity, 'name'>, embedding: Embedding): Promise<HostedProcess> {
    const { controller, table, limits, volumes } = this.#options;
    table.requireRoom(identity.path);
    if (identity.groupId !== null) requireGroup(controller, identity.groupId, limits.maxGroups);
    const made = requireMounts(identity.settings.mounts, volumes);
    try {
      const process = await this.#loaded(identity, embedding);
      controller.admit(process);
      return process;
    } catch (error) {
      giveUpVolumes(made, volumes);
      throw error;
    }
  }

  async #loaded(identity: Omit<ProcessIdentity, 'name'>, embedding: Embedding): Promise<HostedProcess> {
    const { controller, table, limits } = this.#options;
    const process = this.#make({ ...identity, name: table.generateName(identity.path) }, embedding);
    try {
      await process.load(table.nextPid());
      if (identity.groupId !== null) requireGroup(controller, identity.groupId, limits.maxGroups);
    } catch (error) {
      await this.#discard(process);
      throw error;
    }
    return process;
  }

  /** A process that an earlier site has registered: it is in the table from now on, and nothing of it runs. */
  adopt({ record, image, past }: PastProcess, embedding: Embedding): void {
    this.#host(record.identity, image, embedding, past);
  }

  /** `hrfexec`: the pid of the child. Throws or rejects with a RekindleError; see exec-errno.ts for what the guest sees. */
  exec(parent: HostedProcess, request: ExecRequest): MaybePromise<number> {
    const { kind, groupId, name: parentName } = parent.identity;
    if (kind === 'plain' || groupId === null) {
      throw new RekindleError(
        'PERMISSION_DENIED',
        parentName,
        'a process that is not restartable cannot spawn restartable ones',
      );
    }
    const name = requireName(request);
    const claim = this.#claims.get(name);
    if (claim !== undefined) {
      if (claim.parent.pid === claim.parentPid) throw new RekindleError('NAME_RUNNING', name);
      // Asked for by a run that is over: it will come to nothing, and then the name is to be had.
      const parentPid = parent.pid;
      return claim.over.then(() => this.#whileCurrent(parent, parentPid, () => this.exec(parent, request)));
    }
    const registered = this.#options.table.get(name);
    return registered === null
      ? this.#execNew(parent, groupId, name, request)
      : this.#execAgain(parent, registered, request);
  }

  embeddingOf(process: HostedProcess): Embedding {
    const embedding = this.#embeddings.get(process);
    if (embedding === undefined) throw new RekindleError('PROCESS_UNKNOWN', process.identity.name);
    return embedding;
  }

  #execNew(parent: HostedProcess, groupId: number, name: string, request: ExecRequest): MaybePromise<number> {
    this.#options.table.requireRoom(name);
    const { settings, env } = parent.identity;
    const identity: ProcessIdentity = {
      name,
      kind: 'indirect',
      path: request.path,
      groupId,
      args: request.args,
      env: request.env ?? env,
      settings: { ...settings, credentials: childCredentials(parent, request) },
    };
    return this.#loadFor(parent, this.#make(identity, this.embeddingOf(parent)));
  }

  /** A registered name is run again from its image; storage is not read (reference, section 3.2). */
  #execAgain(parent: HostedProcess, child: HostedProcess, request: ExecRequest): MaybePromise<number> {
    const { controller, table } = this.#options;
    const { name, path, groupId, kind } = child.identity;
    const culprit = `${name} asked for by ${parent.identity.name}`;
    if (child.state !== 'stopped' && child.state !== 'ended') throw new RekindleError('NAME_RUNNING', name);
    if (groupId === parent.identity.groupId && child.client.group?.serial !== parent.client.group?.serial)
      throw new RekindleError(
        'PROCESS_BUSY',
        culprit,
        'it is of an earlier group, which is still being freed',
      );
    if (groupId !== parent.identity.groupId)
      throw new RekindleError('NAME_REGISTERED', culprit, 'the name belongs to another group');
    if (kind !== 'indirect')
      throw new RekindleError('NAME_REGISTERED', culprit, 'the name is that of a direct process');
    if (path !== request.path)
      throw new RekindleError('NAME_REGISTERED', culprit, `the name is registered with ${path}`);
    if (child.identity.settings.placement === 'thread' && parent.identity.settings.placement === 'inline') {
      throw new RekindleError(
        'PLACEMENT_UNSUITED',
        culprit,
        'an inline process cannot wait for one in a thread',
      );
    }
    const { unplacing } = child;
    if (unplacing !== null && child.identity.settings.placement === 'thread')
      return this.#execWhenOver(parent, name, request, unplacing);
    controller.refuseWhenClosed(child);
    const anew = child.state === 'ended';
    const previousEnd = child.end;
    child.willLoad();
    let loading: MaybePromise<void>;
    try {
      loading = child.load(table.nextPid(), anew);
    } catch (error) {
      return this.#undo(error, child.loadAbandoned(previousEnd));
    }
    controller.readmit(child, loading ?? null);
    return child.pid;
  }

  /** The thread of the run before is still ending: until then it may store to the blocks that the next run would have. */
  #execWhenOver(
    parent: HostedProcess,
    name: string,
    request: ExecRequest,
    previous: Promise<void>,
  ): Promise<number> {
    const parentPid = parent.pid;
    return this.#claim(
      name,
      parent,
      previous.then(() => {
        this.#claims.delete(name);
        return this.#whileCurrent(parent, parentPid, () => this.exec(parent, request));
      }),
    );
  }

  /** Nobody else is to have the name until `finished` is settled. */
  #claim(name: string, parent: HostedProcess, finished: Promise<number>): Promise<number> {
    const settled = finished.then(
      () => undefined,
      () => undefined,
    );
    const claim: Claim = {
      parent,
      parentPid: parent.pid,
      over: settled.then(() => {
        if (this.#claims.get(name) === claim) this.#claims.delete(name);
      }),
    };
    this.#claims.set(name, claim);
    return finished;
  }

  /** Throws or rejects with `error` when what was begun has been taken back. */
  #undo(error: unknown, takenBack: MaybePromise<void>): MaybePromise<never> {
    if (!(takenBack instanceof Promise)) throw error;
    return takenBack.then(() => {
      throw error;
    });
  }

  /** Loads on behalf of one run of a parent: if that run is over by the time it is done, the child must not start. */
  #loadFor(parent: HostedProcess, child: HostedProcess): MaybePromise<number> {
    const { controller, table } = this.#options;
    const { name } = child.identity;
    const parentPid = parent.pid;
    const admit = (): number => {
      controller.admit(child);
      return child.pid;
    };
    const undo = (error: unknown): MaybePromise<never> => this.#undo(error, this.#discard(child));
    let loaded: MaybePromise<void>;
    try {
      loaded = child.load(table.nextPid());
    } catch (error) {
      return undo(error);
    }
    if (!(loaded instanceof Promise)) return admit();
    return this.#claim(
      name,
      parent,
      loaded.then(() => this.#whileCurrent(parent, parentPid, admit)).catch(undo),
    );
  }

  #whileCurrent<T>(parent: HostedProcess, pid: number, body: () => T): T {
    const current = parent.pid === pid && (parent.state === 'running' || parent.state === 'ready');
    if (!current)
      throw new RekindleError(
        'PROCESS_RESTARTED',
        parent.identity.name,
        'its run ended while it was spawning',
      );
    return body();
  }

  #make(identity: ProcessIdentity, embedding: Embedding): HostedProcess {
    const { bank, images, modules } = this.#options;
    if (identity.groupId !== null && !bank.ledger.hasRoom(recordBytesOfProcess(identity)))
      throw new RekindleError('BANK_FULL', identity.name, 'no room to write its registration down');
    const image: ProcessImage = images.acquire(identity.path, modules, {
      memoryQuotaBytes: identity.settings.memoryQuotaBytes,
      globals: embedding.globals,
      restartable: identity.kind !== 'plain',
    });
    return this.#host(identity, image, embedding, null);
  }

  #host(
    identity: ProcessIdentity,
    image: ProcessImage,
    embedding: Embedding,
    past: ProcessPast | null,
  ): HostedProcess {
    const { bank, pmm, volumes, placements, limits, table, hostStdio } = this.#options;
    const { globals, hostFunctions, importsUrl, stdio } = embedding;
    const process: HostedProcess = new HostedProcess({
      identity,
      image,
      bank,
      pmm,
      volumes,
      maxGenerations: limits.maxGenerations,
      program: { hostFunctions, importsUrl },
      stdio: new Stdio(identity.settings.stdio, stdio, hostStdio),
      globals,
      place: (program) => placements.make(process, program),
      past,
    });
    this.#embeddings.set(process, embedding);
    table.add(process);
    return process;
  }

  #discard(process: HostedProcess): MaybePromise<void> {
    const { images, table } = this.#options;
    table.remove(process);
    const detail = 'it was never started';
    const finished = process.finish({ kind: 'killed' }, { code: 'PROCESS_ENDED', detail });
    const release = (): void => {
      images.release(process.image);
      process.retire();
    };
    return finished instanceof Promise ? finished.then(release) : release();
  }
}

function requireGroup(controller: HotRestartController, group: number, maxGroups: number): void {
  if (!Number.isInteger(group) || group < 0 || group >= maxGroups) {
    throw new RekindleError('GROUP_LIMIT', `group ${group}`, `group IDs run from 0 to ${maxGroups - 1}`);
  }
  const known = controller.groups.get(group);
  if (known?.phase === 'quarantined')
    throw new RekindleError('GROUP_QUARANTINED', `group ${group}`, known.reason ?? undefined);
}

function requireName({ name }: ExecRequest): string {
  const culprit = `process name "${name.name}"`;
  if (name.medium !== PMM_MEDIUM_RAM)
    throw new RekindleError('NAME_INVALID', culprit, `the medium must be ${PMM_MEDIUM_RAM}`);
  if (name.name === '') throw new RekindleError('NAME_INVALID', culprit, 'it is empty');
  if (name.name.startsWith(SYSTEM_PREFIX))
    throw new RekindleError('NAME_INVALID', culprit, `${SYSTEM_PREFIX} is the system's`);
  if (Buffer.byteLength(name.name) >= PMM_NAME_SIZE)
    throw new RekindleError('NAME_INVALID', culprit, 'it is too long');
  return name.name;
}

/** Inherited; only a trusted parent may give others, or ask for trust (abi/hr.ts). */
function childCredentials(parent: HostedProcess, request: ExecRequest): Credentials {
  const own = parent.identity.settings.credentials;
  const wantsTrust = (request.flags & AFX_TRUSTED) !== 0;
  if (wantsTrust && !own.trusted) {
    throw new RekindleError(
      'PERMISSION_DENIED',
      parent.identity.name,
      'only a trusted process can make a trusted one',
    );
  }
  if (request.credentials === null) return own;
  const { uid, gid, groups } = request.credentials;
  const same =
    uid === own.uid &&
    gid === own.gid &&
    groups.length === own.groups.length &&
    groups.every((id, i) => id === own.groups[i]);
  if (!same && !own.trusted) {
    throw new RekindleError(
      'PERMISSION_DENIED',
      parent.identity.name,
      'only a trusted process can give other credentials',
    );
  }
  return { uid, gid, groups, trusted: own.trusted };
}
