import { seeded } from '@vmbus/world'
import type { Probe } from '../probes/probe.ts'
import { draw } from '../probes/property.ts'
import type { Stage } from '../probes/stage.ts'
import type { Watch } from './measured-stage.ts'

interface DrawingOptions {
  readonly probe: Probe
  readonly seed: number
  /** Values that each property draws. */
  readonly runs: number
  readonly watch?: Watch | undefined
}

/** The values of a probe's properties, drawn by the seed and the property's name, and how many they were. */
export interface Drawing extends Pick<Stage, 'property'> {
  readonly drawn: number
}

export function drawingOf({ probe, seed, runs, watch }: DrawingOptions): Drawing {
  let drawn = 0
  return {
    get drawn() {
      return drawn
    },
    async property(name, arbitrary, check) {
      const drawSeed = seeded(seed).u32('property', probe.id, name)
      const { end, runs: count, failure } = await draw({ seed: drawSeed, runs }, arbitrary, check)
      drawn += count
      if (failure !== undefined) watch?.failed(name, failure)
      return end
    },
  }
}
