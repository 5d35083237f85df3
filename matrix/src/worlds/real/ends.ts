import type { HostDevice } from '@vmbus/core'
import type { EndName, Ends, OurEnd, OwnDevice } from '../../probes/ends.ts'
import { ProbeError } from '../../probes/errors.ts'
import { answerTo } from '../answers.ts'
import type { StageEnds } from '../measured-stage.ts'
import type { Waits } from '../surface.ts'
import { namedEnd } from '../worlds.ts'
import type { RealContext } from './context.ts'

/** The ends that a probe names, on the host that the guest is on at the time. */
export function realEnds(ctx: RealContext, until: Waits): StageEnds {
  const named = (end: EndName): OurEnd => namedEnd(ctx.probe, ctx.ends, end)
  const instanceOf = (end: EndName): string => ctx.life.own.specs[named(end)]().offer.instanceId

  function device<E extends OurEnd>(end: E): Ends[E]
  function device<D extends HostDevice>(own: OwnDevice<D>): D
  function device(end: OurEnd | OwnDevice): HostDevice {
    const name = named(typeof end === 'string' ? end : end.id)
    const found = ctx.life.own.device(name)
    if (found === undefined) throw new ProbeError(`the host offers no ${name}`)
    return found
  }

  return {
    offers: (end) => ctx.life.own.device(named(end)) !== undefined,
    drives: (end) => ctx.life.storage.opened.has(instanceOf(end)),
    device,
    answer: (event, id) => answerTo(event, id, () => ctx.life.storage.answers, until),
    instanceOf,
    heard: (event) => ctx.life.storage.heard.get(event) ?? 0,
    medium: (end) => ctx.life.storage.medium(end),
  }
}
