// The state that decisions are taken on, as it is now: what a decision has changed is put in its place. It must never be changed by
// anything else, and nobody may keep it to see later what was.
import type { ControllerState, Decision, Group, SiteBooks } from './state.ts';

export class KnownState implements ControllerState {
  readonly #groups: Map<number, Group>;
  #books: SiteBooks;

  constructor(first: ControllerState) {
    this.#groups = new Map(first.groups);
    this.#books = first.books;
  }

  get groups(): ReadonlyMap<number, Group> {
    return this.#groups;
  }

  get books(): SiteBooks {
    return this.#books;
  }

  /** Returns the groups that are quarantined from now on, or are so no more. */
  apply({ changed, books }: Decision): readonly Group[] {
    this.#books = books;
    const turned: Group[] = [];
    for (const [id, group] of changed) {
      const wasQuarantined = this.#groups.get(id)?.phase === 'quarantined';
      if (group === null) {
        this.#groups.delete(id);
        continue;
      }
      this.#groups.set(id, group);
      if (wasQuarantined !== (group.phase === 'quarantined')) turned.push(group);
    }
    return turned;
  }
}
