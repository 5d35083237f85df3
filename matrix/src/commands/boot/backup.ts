import type { RealCheckpoint } from '../../real/storvsc.ts'
import { ask, call, type Stage } from './verb-steps.ts'

const MERGE_BYTES = 4 << 20
/** Guest seconds. */
const MERGE_PAUSE = 0.05

/** Takes a checkpoint of each disk while the guest's file systems stand still, and tells where it is. */
export async function backup(stage: Stage): Promise<void> {
  await ask(stage, 'vss.backup', {}, 'vss:backup')
  // A host without disks has no such action.
  const taken = (await stage.guest.call('storvsc.checkpoints').catch(() => [])) as readonly RealCheckpoint[]
  for (const { lun, file = 'in memory', child } of taken)
    stage.say(`disk ${lun} as it was: ${file}${child === undefined ? '' : ` (it goes on in ${child})`}`)
}

/** A piece of every disk at a time, and guest time between the pieces. */
export async function mergeBackup(stage: Stage): Promise<void> {
  while ((await call(stage, 'storvsc.merge', MERGE_BYTES)) !== true) await stage.guest.run(MERGE_PAUSE)
  stage.say('done')
}
