import type { BalloonRefusal } from '@vmbus/balloon'
import { byGuest } from './arrive.ts'
import type { Finding } from './probe.ts'
import type { Stage } from './stage.ts'

/** A host asks for nothing before 50 s have passed since the guest said what it can. */
const READY_SECONDS = 120

export const memoryReady = (stage: Stage): Promise<boolean> => {
  const host = stage.device('balloon')
  return stage.until(() => host.ready, READY_SECONDS)
}

/** What decides that a guest takes no memory in: its kernel, or its driver. */
export const byHotAdd = ({ family, guest }: Stage): Finding['decidedBy'] => {
  if (family !== 'linux') return byGuest('balloon')
  return byGuest(guest['memoryHotplug'] === false ? 'memoryHotplug' : 'hotAdd')
}

/** Begins an operation and waits for its end; why not, or ''. */
export async function changed(
  stage: Stage,
  event: 'balloon' | 'unballoon' | 'hot-add',
  begin: () => 'begun' | BalloonRefusal,
): Promise<string> {
  const before = stage.heard(`balloon:${event}`)
  const begun = begin()
  if (begun === 'nothing-to-do') return ''
  if (begun !== 'begun') return `${event} is ${begun}`
  return (await stage.until(() => stage.heard(`balloon:${event}`) > before, READY_SECONDS)) ? '' : `${event} has no end`
}

/** Host and guest have the same accounts; `bootTotal` is what the guest had before anything moved. */
export function accounts(stage: Stage): string {
  const { balloonedPages, assignedPages, hotAddedPages } = stage.device('balloon')
  const { ballooned } = stage.memory()
  if (ballooned !== balloonedPages) return `the guest gave up ${ballooned} pages, the host has ${balloonedPages}`
  return assignedPages === stage.bootPages + hotAddedPages - balloonedPages
    ? ''
    : 'the pages that are assigned do not add up'
}
