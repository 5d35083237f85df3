import type { GuestServices, SystemService } from '@vmbus/core'
import { anything, list, pair, plainCopy, restoreState, stateForm, text } from '@vmbus/world'

/** The services of one life of an operating system, by name. */
export interface SystemServices extends Pick<GuestServices, 'service'>, SystemService {}

interface Saved {
  readonly services: readonly (readonly [name: string, state: unknown])[]
}
const FORM = stateForm<Saved>('system-services', 1, { services: list(pair(text, anything)) })

/** Drivers and surface ask for services while they are made, so a system that is restored has those of the one that was saved. */
export function systemServices(): SystemServices {
  const services = new Map<string, SystemService>()
  return {
    service<S extends SystemService>(name: string, make: () => S): S {
      const known = services.get(name)
      if (known !== undefined) return known as S
      const made = make()
      services.set(name, made)
      return made
    },
    save: () => plainCopy({ ...FORM.head, services: [...services].map(([name, service]) => [name, service.save()]) }),
    restore(state) {
      for (const [name, saved] of restoreState(state, FORM).services) services.get(name)?.restore(saved)
    },
  }
}
