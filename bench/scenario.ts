// What a scenario is: a set-up and the cases that are measured side by side in it. A scenario owns what it sets up and gives it back
// before it ends.
import type { ModuleDirectory } from './ground.ts';
import type { Case, Row } from './report.ts';

export interface ScenarioContext {
  readonly modules: ModuleDirectory;
  /** Measures the cases side by side within the scenario's share of the time. */
  readonly measure: (cases: readonly Case[]) => Promise<readonly Row[]>;
}

export interface Scenario {
  /** As `--only` takes it. */
  readonly name: string;
  /** Its part of the time, relative to the others'. */
  readonly share: number;
  readonly run: (context: ScenarioContext) => Promise<readonly Row[]>;
}
