// What a bank has promised so far, over all the programs that had it open, and the comparison with what the next one finds. It must take
// every line in the order it was written.
import { type Found, GROUP_COUNT, type Line, type Step } from './facts.js';
import {
  adopted,
  differences,
  done,
  type GroupModel,
  NO_GROUP,
  partOf,
  possibilities,
  siteDifferences,
} from './model.js';

/** Lines that are kept to be printed with a failure. */
const KEPT_LINES = 30;

interface GroupAccount {
  model: GroupModel;
  underWay: Step | null;
}

export class Account {
  /** What was found wrong, in order; nothing that follows the first can be relied on. */
  readonly failures: string[] = [];
  readonly #groups: readonly GroupAccount[];
  readonly #lastLines: string[] = [];
  #acknowledged = 0;
  #undecided = 0;
  #found = 0;
  #emptied = false;

  constructor() {
    this.#groups = [...Array(GROUP_COUNT)].map(() => ({ model: NO_GROUP, underWay: null }));
  }

  /** Steps that were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Steps under way when the program was killed. */
  get undecided(): number {
    return this.#undecided;
  }

  /** How often the bank has been opened and looked at. */
  get found(): number {
    return this.#found;
  }

  get emptied(): boolean {
    return this.#emptied;
  }

  /** What was told last. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  take(line: Line): void {
    this.#lastLines.push(JSON.stringify(line));
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
    switch (line.kind) {
      case 'opening':
        return;
      case 'found':
        this.#compare(line.found);
        return;
      case 'intended':
        this.#group(line.group).underWay = line.step;
        return;
      case 'done':
        this.#acknowledge(this.#group(line.group), line.name);
        return;
      case 'wrong':
        this.failures.push(line.what);
        return;
      case 'emptied':
        this.#emptied = true;
        if (line.usedBytes !== 0) this.failures.push(`${line.usedBytes} bytes are in use of an empty bank`);
        if (line.contentBytesOnMedium !== 0)
          this.failures.push(
            `${line.contentBytesOnMedium} bytes of an empty bank's content lie on the medium`,
          );
    }
  }

  #acknowledge(group: GroupAccount, name: string | null): void {
    if (group.underWay === null) throw new Error('a step is done that was never intended');
    group.model = done(group.model, group.underWay, name);
    group.underWay = null;
    this.#acknowledged += 1;
  }

  #compare(found: Found): void {
    this.#found += 1;
    this.failures.push(...siteDifferences(found));
    const promised = this.#groups.some(({ model }) => model !== NO_GROUP);
    if (promised && found.start !== 'hot') this.failures.push('the bank was begun anew');
    for (const [id, group] of this.#groups.entries()) this.#compareGroup(id, group, found);
  }

  /** What was found holds from now on: old or new, it may not change any more. */
  #compareGroup(id: number, group: GroupAccount, found: Found): void {
    const part = partOf(found, id);
    const possible = possibilities(group.model, group.underWay);
    const differing = possible.map((model) => differences(id, model, part));
    const right = possible.find((_model, index) => differing[index]?.length === 0);
    if (right === undefined) {
      const underWay = group.underWay === null ? 'nothing' : JSON.stringify(group.underWay);
      const reasons = differing.map((each) => `  ${each.join('; ')}`);
      const seen = `  it is ${JSON.stringify(part.group)}`;
      this.failures.push([`group ${id}, under way: ${underWay}`, ...reasons, seen].join('\n'));
    } else group.model = adopted(right, part);
    if (group.underWay !== null) this.#undecided += 1;
    group.underWay = null;
  }

  #group(id: number): GroupAccount {
    const group = this.#groups[id];
    if (group === undefined) throw new Error(`there is no group ${id}`);
    return group;
  }
}
