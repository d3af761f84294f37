// Functions that only an embedder can provide: probe-caller calls them. The compiler takes the import module from the name of this
// file, which must hold nothing else.

export declare function answer(question: i32): i32;

export declare function report(value: i64): void;
