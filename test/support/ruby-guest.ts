// Ruby guests for tests and benchmarks: the class and the import module of the example, with their types. Nothing but that.
import type { EmbedderFactory, Process } from '#runtime/index.js';

export interface RubyGuest {
  /** What a script comes to; throws with the exception's words when it raises one, and what a call throws. */
  text(script: string): string;
}

interface RubyGuestModule {
  readonly default: EmbedderFactory;
  readonly RUBY_MODULE: string;
  readonly RubyGuest: {
    new (process: Process): RubyGuest;
    begin(process: Process): RubyGuest;
  };
}

/** For `importsUrl`. */
export const RUBY_IMPORTS = new URL('../../../examples/ruby-guest.mjs', import.meta.url);

// A specifier that is not a literal is not resolved: the example is a script, and has no declarations.
const specifier: string = RUBY_IMPORTS.href;
export const { RUBY_MODULE, RubyGuest, default: rubyImports } = (await import(specifier)) as RubyGuestModule;
