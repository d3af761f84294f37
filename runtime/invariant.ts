// Assertions that are always on: they guard against our own bugs, never against a guest's fault or the world's errors.

/** Our bug, not the caller's: something this code promised itself does not hold. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/** Throws InvariantViolation unless `condition` holds; `claim` says what should have been true. */
export function invariant(condition: unknown, claim: string): asserts condition {
  if (!condition) throw new InvariantViolation(`invariant violated: ${claim}`);
}

/** For the default branch of a switch over a union that must be exhaustive. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`unexpected value: ${JSON.stringify(value)}`);
}
