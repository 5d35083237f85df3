import pc from 'picocolors'
import type { Outcome } from '@vmbus/report'

interface Mark {
  readonly mark: string
  readonly means: string
  readonly colour: (text: string) => string
}

/** A glyph for each outcome. That the host lacks a thing, that the guest does, and that nobody looked are three. */
export const MARKS: Readonly<Record<Outcome, Mark>> = {
  works: { mark: '✓', means: 'works', colour: pc.green },
  partial: { mark: '◐', means: 'a part of it works', colour: pc.yellow },
  fails: { mark: '✗', means: 'fails', colour: pc.red },
  'not-offered': { mark: 'h', means: 'the host lacks it', colour: pc.dim },
  'no-driver': { mark: 'g', means: 'the guest lacks it', colour: pc.dim },
  'not-run': { mark: '·', means: 'nobody looked', colour: pc.dim },
  'not-applicable': { mark: '–', means: 'does not apply', colour: pc.dim },
  'guest-hung': { mark: 'H', means: 'the guest hung', colour: pc.red },
  'guest-corrupt': { mark: 'C', means: 'data was damaged', colour: pc.red },
  error: { mark: '!', means: 'an error of ours', colour: pc.red },
}

/** Stands behind the mark of a cell of which the pages say something else. */
export const DIFFERS = "'"
