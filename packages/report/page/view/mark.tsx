import type { Outcome } from '../../src/results/vocabulary.ts'

/** A cell's look outside of a grid, hidden from those who hear the page. */
export const Mark = ({ outcome, extra = '' }: { outcome?: Outcome; extra?: string }) => (
  <span class={`k ${outcome === undefined ? '' : `o-${outcome}`} ${extra}`} aria-hidden="true" />
)
