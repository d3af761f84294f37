// What a group must be after a crash, given what it has promised: the judge of every kill. Pure. It must never accept a state that is
// neither the one last acknowledged nor the one that the step under way leads to.
import { HR_GROUP_KEY } from '#abi/pmm.js';
import {
  type BlockFacts,
  type Found,
  type FoundBlock,
  type FoundGroup,
  type FoundMember,
  type Role,
  readBlockName,
  type Step,
  totalBlockName,
  ZERO_SEED,
} from './facts.js';

export interface MemberModel {
  readonly generation: number;
  readonly total: number;
  readonly hasEnded: boolean;
  /** Null as long as only the process itself knows it. */
  readonly name: string | null;
}

export interface BlockModel extends Omit<BlockFacts, 'seed'> {
  /** What its content may consist of: one, but for a block that was being filled. */
  readonly seeds: readonly number[];
}

export interface GroupModel {
  /** Empty: there is no such group. In order of first start. */
  readonly members: ReadonlyMap<Role, MemberModel>;
  /** Of its life so far: restarts are counted for ever here. */
  readonly badness: number;
  readonly blocks: ReadonlyMap<string, BlockModel>;
}

export const NO_GROUP: GroupModel = { members: new Map(), badness: 0, blocks: new Map() };

/** The group when the step has taken place. Throws for a step that cannot be taken. */
export function stepped(group: GroupModel, step: Step): GroupModel {
  switch (step.kind) {
    case 'register':
      return withMember(group, step.role, NEW_MEMBER);
    case 'spawn':
      return withMember(group, 'C', NEW_MEMBER);
    case 'count': {
      const member = memberOf(group, step.role);
      return withMember(group, step.role, { ...member, total: member.total + 1 });
    }
    case 'checkpoint':
      return withMember(group, step.role, {
        ...memberOf(group, step.role),
        generation: step.generation,
      });
    case 'allocate':
      return withBlock(group, step.name, { ...step.block, seeds: [step.block.seed] });
    case 'refill':
      return withBlock(group, step.name, { ...blockOf(group, step.name), seeds: [step.seed] });
    case 'free':
      return keepingBlocks(group, (name) => name !== step.name);
    case 'free-all':
      return keepingBlocks(group, (_name, block) => block.withGroupKey);
    case 'crash':
      return { ...group, badness: group.badness + 1 };
    case 'end': {
      const ended = withMember(group, step.role, { ...memberOf(group, step.role), hasEnded: true });
      return [...ended.members.values()].every(({ hasEnded }) => hasEnded) ? withoutGroup(ended) : ended;
    }
    case 'kill-group':
      return withoutGroup(group);
  }
}

/** What may be found when the host dies while `step` is under way; null when nothing is. */
export function possibilities(group: GroupModel, step: Step | null): readonly GroupModel[] {
  if (step === null) return [group];
  const after = stepped(group, step);
  if (step.kind === 'allocate')
    return [group, withBlock(after, step.name, { ...step.block, seeds: [ZERO_SEED, step.block.seed] })];
  if (step.kind === 'refill') {
    const before = blockOf(group, step.name);
    return [withBlock(group, step.name, { ...before, seeds: [...before.seeds, step.seed] })];
  }
  return [group, after];
}

/** The part of one group in what was found. */
export interface FoundPart {
  readonly group: FoundGroup | null;
  readonly blocks: readonly FoundBlock[];
}

export function partOf(found: Found, group: number): FoundPart {
  return {
    group: found.groups.find((each) => each.group === group) ?? null,
    blocks: found.blocks.filter(({ name }) => readBlockName(name)?.group === group),
  };
}

/** In what the part found differs from the model; empty when in nothing. */
export function differences(id: number, model: GroupModel, part: FoundPart): readonly string[] {
  const members = part.group?.members ?? [];
  const found = new Map(members.map((member) => [roleOf(model, member), member]));
  const blocks = new Map(part.blocks.map((block) => [block.name, block]));
  const wrong: string[] = [];
  const expect = (what: string, actual: unknown, expected: unknown): void => {
    if (actual !== expected) wrong.push(`${what}: ${String(actual)} instead of ${String(expected)}`);
  };
  expect('members', [...found.keys()].sort().join(), [...model.members.keys()].sort().join());
  expect('members by number', members.length, model.members.size);
  if (part.group !== null) {
    expect('phase', part.group.phase, 'live');
    expect('blocked', part.group.blocked, false);
    expect('badness', part.group.badness, model.badness);
  }
  for (const [role, member] of model.members) {
    const actual = found.get(role);
    if (actual !== undefined) expectMember(role, member, actual, expect);
    const block = blocks.get(totalBlockName(id, role));
    expect(`total of ${role}, in its block`, block?.total, member.total);
    expect(`key of the total of ${role}`, block?.key, HR_GROUP_KEY);
  }
  const names = [
    ...model.blocks.keys(),
    ...[...model.members.keys()].map((role) => totalBlockName(id, role)),
  ];
  expect('blocks', [...blocks.keys()].sort().join(), names.sort().join());
  for (const [name, block] of model.blocks) {
    const actual = blocks.get(name);
    if (actual !== undefined) expectBlock(id, block, actual, expect);
  }
  return wrong;
}

/** The model of what was found, once it has been accepted as `model`. */
export function adopted(model: GroupModel, part: FoundPart): GroupModel {
  const blocks = part.blocks.flatMap(({ name, seeds }): [string, BlockModel][] => {
    const known = model.blocks.get(name);
    return known === undefined ? [] : [[name, { ...known, seeds }]];
  });
  const names = new Map((part.group?.members ?? []).map((member) => [roleOf(model, member), member.name]));
  const members = [...model.members].map(([role, member]): [Role, MemberModel] => [
    role,
    { ...member, name: names.get(role) ?? member.name },
  ]);
  return { ...model, members: new Map(members), blocks: new Map(blocks) };
}

/** The step is done; `name` is that of the process it has registered. */
export function done(group: GroupModel, step: Step, name: string | null): GroupModel {
  const after = stepped(group, step);
  if (step.kind !== 'register') return after;
  return withMember(after, step.role, { ...memberOf(after, step.role), name });
}

/** What is wrong with the site as a whole. */
export function siteDifferences(found: Found): readonly string[] {
  const names = found.groups.flatMap(({ members }) => members.map(({ name }) => name));
  const wrong = found.losses.map((loss) => `a crash is no damage, but this was lost: ${loss}`);
  for (const { name } of found.blocks)
    if (readBlockName(name) === null) wrong.push(`a block nobody has made: ${name}`);
  for (const name of found.systemBlocks) {
    const [, owner] = /^__SYS:generation:(.*)$/.exec(name) ?? [];
    if (owner !== undefined && !names.includes(owner)) wrong.push(`a system block of nobody: ${name}`);
  }
  if (found.usedBytes !== found.blockBytes)
    wrong.push(`${found.usedBytes} bytes are in use, the blocks have ${found.blockBytes}`);
  return wrong;
}

const NEW_MEMBER: MemberModel = { generation: 0, total: 0, hasEnded: false, name: null };

type Expect = (what: string, actual: unknown, expected: unknown) => void;

function expectMember(role: Role, model: MemberModel, actual: FoundMember, expect: Expect): void {
  expect(`kind of ${role}`, actual.kind, role === 'C' ? 'indirect' : 'direct');
  expect(`state of ${role}`, actual.state, model.hasEnded ? 'ended' : 'ready');
  expect(`generation of ${role}`, actual.generation, model.generation);
  if (model.hasEnded) return;
  expect(`memory of ${role}`, actual.stamp, model.generation);
  expect(`total of ${role}`, actual.total, model.total);
}

function expectBlock(id: number, model: BlockModel, actual: FoundBlock, expect: Expect): void {
  const { name, key, sizeBytes, seeds, group } = actual;
  expect(`size of ${name}`, sizeBytes, model.sizeBytes);
  expect(`key of ${name}`, key, model.withGroupKey ? HR_GROUP_KEY : `KEY${id}`);
  expect(`group of ${name}`, group, id);
  const foreign = seeds.filter((seed) => !model.seeds.includes(seed));
  expect(`content of ${name} that is none of ${model.seeds.join()}`, foreign.join(), '');
}

/** Of one that does not run, by its name. */
function roleOf(model: GroupModel, { role, name }: FoundMember): Role | string {
  if (role !== null) return role;
  for (const [known, member] of model.members) if (member.name === name) return known;
  return name;
}

function memberOf(group: GroupModel, role: Role): MemberModel {
  const member = group.members.get(role);
  if (member === undefined) throw new Error(`there is no member ${role}`);
  return member;
}

function blockOf(group: GroupModel, name: string): BlockModel {
  const block = group.blocks.get(name);
  if (block === undefined) throw new Error(`there is no block ${name}`);
  return block;
}

function withMember(group: GroupModel, role: Role, member: MemberModel): GroupModel {
  return { ...group, members: new Map([...group.members, [role, member]]) };
}

function withBlock(group: GroupModel, name: string, block: BlockModel): GroupModel {
  const { sizeBytes, withGroupKey, seeds } = block;
  return { ...group, blocks: new Map([...group.blocks, [name, { sizeBytes, withGroupKey, seeds }]]) };
}

function keepingBlocks(group: GroupModel, keeps: (name: string, block: BlockModel) => boolean): GroupModel {
  return { ...group, blocks: new Map([...group.blocks].filter(([name, block]) => keeps(name, block))) };
}

/** What is left of a group that is over: blocks that are not tied to it. */
function withoutGroup(group: GroupModel): GroupModel {
  return { ...keepingBlocks(group, (_name, block) => !block.withGroupKey), members: new Map(), badness: 0 };
}
