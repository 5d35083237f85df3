import type { HostDevice } from '@vmbus/core'
import type { EndName, Ends, OurEnd, OwnDevice } from '../probes/ends.ts'
import type { Probe } from '../probes/probe.ts'
import { answerTo } from './answers.ts'
import type { Life } from './life.ts'
import type { StageEnds } from './measured-stage.ts'
import type { Waits } from './surface.ts'
import { endsOf, namedEnd } from './worlds.ts'

/** The ends that a probe names, on the host that the guest is on at the time. */
export function simulatedEnds(probe: Probe, life: () => Life, until: Waits): StageEnds {
  const ends = endsOf(probe)
  const instanceOf = (end: EndName): string => life().specOf(namedEnd(probe, ends, end)).offer.instanceId

  function device<E extends OurEnd>(end: E): Ends[E]
  function device<D extends HostDevice>(own: OwnDevice<D>): D
  function device(end: OurEnd | OwnDevice): HostDevice {
    const { host, attached, specOf } = life()
    return host.device(attached, specOf(namedEnd(probe, ends, typeof end === 'string' ? end : end.id)))
  }

  return {
    offers(end) {
      const instance = instanceOf(end)
      return life().attached.bus.devices.some(({ instanceId }) => instanceId === instance)
    },
    drives(end) {
      const instance = instanceOf(end)
      return life().surface.guest.bus.devices.some(
        ({ instanceId, channels }) => instanceId === instance && channels[0]?.state === 'open',
      )
    },
    device,
    answer: (event, id) => answerTo(event, id, () => life().answers, until),
    instanceOf,
    heard: (event) => life().heard.get(event) ?? 0,
    medium: (end) => life().medium(end),
  }
}
