// Strings and structures in the form C gives them, for calls that take addresses. Nothing here may cut a text short: what
// cannot be expressed is reported, by `hasNul` or by the structure's owner. The collector never moves an object, so an
// address stays good for as long as the object is held in a variable.

/** A structure of fixed size, all zero when made; subclasses know what lies where. */
export class Structure {
  protected readonly bytes: StaticArray<u8>;

  constructor(sizeBytes: i32) {
    this.bytes = new StaticArray<u8>(sizeBytes);
  }

  /** Where it lies in linear memory. */
  get address(): usize {
    return changetype<usize>(this.bytes);
  }
}

/** Whether `text` holds a NUL character: in C it would end there. */
export function hasNul(text: string): bool {
  return text.includes('\0');
}

/** Whether one of `texts` holds a NUL character. */
export function anyHasNul(texts: string[]): bool {
  for (let index = 0; index < texts.length; index++) {
    if (hasNul(texts[index])) return true;
  }
  return false;
}

/** The UTF-8 form of `text` with its terminating NUL. */
export function cString(text: string): StaticArray<u8> {
  const bytes = new StaticArray<u8>(String.UTF8.byteLength(text, true));
  putString(changetype<usize>(bytes), text);
  return bytes;
}

//  A vector of n strings, as argv and envp are: pointers, a null pointer, then the strings they lead to.
//
//   0           4                       4n     4n+4
//  +-----------+-----------+-- .. --+--+------+-----------+-----------+-- .. --+
//  | pointer 0 | pointer 1 |           | null | string 0\0 | string 1\0 |      |
//  +-----------+-----------+-- .. --+--+------+-----------+-----------+-- .. --+

/** `texts` as a null-terminated vector of NUL-terminated strings. */
export function stringVector(texts: string[]): StaticArray<u8> {
  const pointersSize = (texts.length + 1) * sizeof<usize>();
  let totalSize = pointersSize;
  for (let index = 0; index < texts.length; index++) {
    totalSize += String.UTF8.byteLength(texts[index], true);
  }
  const vector = new StaticArray<u8>(<i32>totalSize);
  const start = changetype<usize>(vector);
  let next = start + pointersSize;
  for (let index = 0; index < texts.length; index++) {
    store<usize>(start + index * sizeof<usize>(), next);
    next += putString(next, texts[index]);
  }
  return vector;
}

/** Writes `text` and a NUL at `address`; the number of bytes written. The caller has made room. */
export function putString(address: usize, text: string): usize {
  return String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, address, true);
}

/** Reads the NUL-terminated UTF-8 string at `address`. */
export function readString(address: usize): string {
  let end = address;
  while (load<u8>(end) !== 0) end++;
  return String.UTF8.decodeUnsafe(address, end - address);
}
