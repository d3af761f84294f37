// Five loops that keep a processor busy, for the benchmark: integers and fractions, in registers and in memory. Each answers with a
// checksum of what it has computed; none of them calls the host or allocates.

const SIEVE_SIZE: i32 = 1 << 15;
const MATRIX_SIZE: i32 = 40;
const MIX_ROUNDS: i32 = 200_000;
const BODY_COUNT: i32 = 5;
const BODY_STEPS: i32 = 400;
const WALK_BYTES: i32 = 16 << 20;
/** A page and a word: every page in turn, and no two of them in one place of the cache. */
const WALK_STRIDE: i32 = 4096 + 64;

const sieveFlags = new StaticArray<u8>(SIEVE_SIZE);
const left = new StaticArray<f64>(MATRIX_SIZE * MATRIX_SIZE);
const right = new StaticArray<f64>(MATRIX_SIZE * MATRIX_SIZE);
const product = new StaticArray<f64>(MATRIX_SIZE * MATRIX_SIZE);
const bodies = new StaticArray<f64>(BODY_COUNT * 6);
const walked = new StaticArray<u8>(WALK_BYTES);

for (let cell = 0; cell < MATRIX_SIZE * MATRIX_SIZE; cell++) {
  left[cell] = <f64>(cell % 7);
  right[cell] = <f64>(cell % 11);
}
memory.fill(changetype<usize>(walked), 1, WALK_BYTES);

/** Primes below a bound. */
export function sieve(): i32 {
  memory.fill(changetype<usize>(sieveFlags), 1, SIEVE_SIZE);
  let count = 0;
  for (let number = 2; number < SIEVE_SIZE; number++) {
    if (sieveFlags[number] === 0) continue;
    count++;
    for (let multiple = number << 1; multiple < SIEVE_SIZE; multiple += number) {
      sieveFlags[multiple] = 0;
    }
  }
  return count;
}

/** A product of two matrices of f64; the sum of its cells. */
export function matrix(): f64 {
  let total = 0.0;
  for (let row = 0; row < MATRIX_SIZE; row++) {
    for (let column = 0; column < MATRIX_SIZE; column++) {
      let sum = 0.0;
      for (let inner = 0; inner < MATRIX_SIZE; inner++) {
        sum += left[row * MATRIX_SIZE + inner] * right[inner * MATRIX_SIZE + column];
      }
      product[row * MATRIX_SIZE + column] = sum;
      total += sum;
    }
  }
  return total;
}

/** Rotations, additions and exclusive ors, as hash functions have them. */
export function mix(): i32 {
  let a: u32 = 0x6a09e667;
  let b: u32 = 0xbb67ae85;
  let c: u32 = 0x3c6ef372;
  for (let round = 0; round < MIX_ROUNDS; round++) {
    const sigma = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const next = sigma + majority + <u32>round;
    c = b;
    b = a;
    a = next ^ rotr(c, 7);
  }
  return <i32>(a ^ b ^ c);
}

/** Bodies that attract each other, begun anew each time; the sum of where they end. */
export function orbit(): f64 {
  for (let cell = 0; cell < BODY_COUNT * 6; cell++) bodies[cell] = <f64>((cell * 37) % 19) - 9.0;
  for (let step = 0; step < BODY_STEPS; step++) advance();
  let sum = 0.0;
  for (let cell = 0; cell < BODY_COUNT * 6; cell++) sum += bodies[cell];
  return sum;
}

function advance(): void {
  for (let one = 0; one < BODY_COUNT; one++) {
    for (let other = 0; other < BODY_COUNT; other++) {
      if (one === other) continue;
      const x = bodies[other * 6] - bodies[one * 6];
      const y = bodies[other * 6 + 1] - bodies[one * 6 + 1];
      const z = bodies[other * 6 + 2] - bodies[one * 6 + 2];
      const square = x * x + y * y + z * z + 0.01;
      const pull = 0.001 / (square * sqrt(square));
      bodies[one * 6 + 3] += x * pull;
      bodies[one * 6 + 4] += y * pull;
      bodies[one * 6 + 5] += z * pull;
    }
  }
  for (let one = 0; one < BODY_COUNT; one++) {
    for (let axis = 0; axis < 3; axis++) {
      bodies[one * 6 + axis] += bodies[one * 6 + 3 + axis];
    }
  }
}

/** Loads and stores all over 16 MiB, in an order that no cache likes. The sum of what was there, which each round makes one more. */
export function walk(): i32 {
  let sum = 0;
  let position = 0;
  for (let step = 0; step < 65_536; step++) {
    const value = walked[position];
    sum += value & 1;
    walked[position] = value ^ 2;
    position += WALK_STRIDE;
    if (position >= WALK_BYTES) position -= WALK_BYTES;
  }
  return sum;
}
