/** What became of a historical defect: the test that fails when it is put back, or why it cannot be here. */
export type Coverage =
  | { readonly id: string; readonly caughtBy: string }
  | { readonly id: string; readonly noCounterpart: string }
