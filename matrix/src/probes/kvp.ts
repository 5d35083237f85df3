import fc from 'fast-check'
import type { KvpCompletion, KvpRefusal } from '@vmbus/kvp'
import { arrive, byGuest, fails, STRANGE, works } from './arrive.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

/** Text that both ends keep whole: Linux cuts keys to 254 and values to 1022 characters. */
const text = (most: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ019 _-.äß€')), minLength: 1, maxLength: most, size: 'max' })

/** Two of them come again and again, so that what is set is set anew and deleted as well. */
const key = fc.oneof(fc.constantFrom('a', 'b'), text(40))

const commands = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('set' as const), key, value: text(200) }),
    fc.record({ do: fc.constant('delete' as const), key, value: fc.constant('') }),
    fc.record({ do: fc.constant('put' as const), key, value: text(200) }),
  ),
  { minLength: 1, maxLength: 5, size: 'max' },
)

const ended = async (stage: Stage, id: number | KvpRefusal): Promise<KvpCompletion | undefined> =>
  typeof id === 'string' ? undefined : stage.answer('kvp:completed', id)

/** Sets and deletes by the host are in the guest's pool; what a program of the guest puts is read by the host. */
async function bothWays(
  stage: Stage,
  list: typeof commands extends fc.Arbitrary<infer T> ? T : never,
): Promise<boolean | string> {
  const host = stage.device('kvp')
  const guest = stage.keyValues()
  for (const { do: what, key, value } of list) {
    if (what === 'put') {
      guest.put('guest', { key, value })
      const read = await ended(stage, host.enumerate({ pool: 'guest' }))
      if (!read?.items?.some((item) => item.key === key && item.value === value))
        return 'the host does not read what the guest put'
      continue
    }
    const end = await ended(stage, what === 'set' ? host.set({ key, value }) : host.delete({ key }))
    const found = guest.items('external').find((item) => item.key === key)
    if (what === 'set' && (end?.outcome !== 'ok' || found?.value !== value))
      return 'the guest does not keep what the host set'
    if (what === 'delete' && found !== undefined) return 'the guest keeps what the host deleted'
  }
  return true
}

export const kvpProbe: Probe = {
  id: 'kvp',
  feature: 'kvp',
  version: 2,
  world: 'services',
  devices: ['kvp'],
  reads: {
    linux: ['vmbus', 'kvp'],
    freebsd: ['vmbus', 'negotiation', 'kvp', 'kvpFourFrom'],
    windows: ['vmbus', 'kvp'],
    host: ['vmbus', 'framework', 'kvp'],
  },
  bytes: ['kvp'],
  control: { kvp: STRANGE },
  async measure(stage) {
    const found = await arrive(stage, 'kvp')
    if (found !== undefined) return found
    const intrinsic = await ended(stage, stage.device('kvp').enumerate({ pool: 'auto' }))
    if (!intrinsic?.items?.some(({ key, value }) => key === 'OSName' && value !== ''))
      return fails('the guest does not tell the name of its system', byGuest('kvp'))
    const end = await stage.property('both ways', commands, (list) => bothWays(stage, list))
    return end.held ? works : fails(end.reason, byGuest('kvp'))
  },
}
