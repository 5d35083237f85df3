import { fcopy } from '@vmbus/fcopy'
import { linux } from '@vmbus/guest-linux'
import { kvp } from '@vmbus/kvp'
import { vss } from '@vmbus/vss'
import { play, releaseOf, type Actions } from '../play.ts'
import { script } from '../script.ts'
import type { Scenario } from './scenario.ts'

/** Keys, live backup and file copy, with the daemons and without. */
export const services: Scenario = {
  name: 'services',
  kernels: ['debian-11-686', 'debian-12-686-pae'],
  async play(world, { profile, provenance }, transcript) {
    const files = new Map<string, Uint8Array>()
    const source = {
      read(name: string, offset: number, into: Uint8Array): boolean {
        const bytes = files.get(name)?.subarray(offset, offset + into.length)
        if (bytes?.length !== into.length) return false
        into.set(bytes)
        return true
      },
    }
    const [keys, backup, copy] = [kvp({}), vss({}), fcopy({ source })]
    const host = world.host(profile, [keys, backup, copy])
    // `uname -r` is one of the values that the daemon tells.
    const guest = world.guest(linux(releaseOf(provenance), { modules: ['hv_utils'], daemons: false }))
    const attached = guest.attach(host, { trace: transcript.sink })
    await guest.until('running')
    if (guest.version === 0) return 'gives up'
    const offered = <T extends Actions>(kind: 'kvp' | 'vss' | 'fcopy', of: () => T): Actions =>
      profile.devices[kind] === undefined ? {} : of()
    const actions: Actions = {
      ...offered('kvp', () => {
        const device = host.device(attached, keys)
        return {
          'kvp.set': device.set,
          'kvp.get': device.get,
          'kvp.delete': device.delete,
          'kvp.enumerate': device.enumerate,
          'kvp.getIp': device.getIp,
          'kvp.setIp': device.setIp,
        }
      }),
      ...offered('vss', () => ({ 'vss.backup': host.device(attached, backup).backup })),
      ...offered('fcopy', () => {
        const device = host.device(attached, copy)
        return { 'fcopy.copy': device.copy, 'fcopy.cancel': device.cancel }
      }),
    }
    await play(script('services'), world, guest, actions, (name, bytes) => void files.set(name, bytes))
    return 'served'
  },
}
