import { NvspVersion } from '@vmbus/netvsc/protocol'
import fc from 'fast-check'
import { byGuest, fails, noSource, works } from './arrive.ts'
import { netReads, newest, noTools, older, plugged } from './network.ts'
import type { Probe } from './probe.ts'
import type { Stage, StageFunctions } from './stage.ts'

const SERIAL = 7

const steps = fc.array(fc.constantFrom('comes', 'goes', 'ping'), { minLength: 1, maxLength: 8, size: 'max' })

/** The traffic is on the function's way while the host says that there is one, and nothing is lost at either end. */
async function switched(
  stage: Stage,
  functions: StageFunctions,
  list: readonly ('comes' | 'goes' | 'ping')[],
): Promise<boolean | string> {
  const host = stage.device('netvsc')
  const { virtualFunction } = stage.lan
  for (const step of ['comes', 'ping', ...list, 'goes', 'ping'] as const) {
    if (step === 'comes') host.associateVf(SERIAL)
    if (step === 'goes') host.dissociateVf()
    const path = functions.serial === SERIAL ? 'vf' : 'synthetic'
    if (step !== 'ping') {
      const expected = step === 'comes' ? 'vf' : 'synthetic'
      if (!(await stage.until(() => host.dataPath === expected && functions.dataPath === expected, 5)))
        return `the data path is not ${expected}`
      continue
    }
    // Where a bond has to join the two the interface is deaf while the function is there.
    if (path === 'vf' && stage.guest['vf'] !== 'transparent') continue
    const before = virtualFunction.sent
    if (!(await stage.net().ping(stage.lan.address))) return 'a packet is lost'
    if (virtualFunction.sent > before !== (path === 'vf')) return 'traffic takes the other way'
  }
  return true
}

export const srIovProbe: Probe = {
  id: 'sr-iov',
  feature: 'sr-iov',
  version: 5,
  world: 'network',
  needs: { field: 'sr-iov', reason: 'the host gives such guests no virtual functions' },
  reads: netReads('vf', ['vf'], ['vf']),
  missing: 'the virtual function itself, a PCI device that has no model here yet',
  notReal: 'no-pci',
  bytes: ['netvsc'],
  control: { vf: 'none' },
  async measure(stage) {
    const found = await plugged(stage)
    if (found !== undefined) return found
    const { functions } = stage.net()
    if (functions === undefined) return noTools('joins a virtual function')
    // Linux asks for functions from NVSP 5 on (netvsc.c, negotiate_nvsp_ver); Windows Server 2012 had them, and NVSP 4.
    if (stage.family === 'windows' && stage.guest['vf'] !== 'none' && newest(stage.guest['netvsc']) < NvspVersion.v5)
      return noSource('how a driver whose newest version is NVSP 4 asks the host for virtual functions')
    const decides = stage.guest['vf'] === 'none' ? byGuest('vf') : older(stage)
    functions.attach(SERIAL, stage.lan.virtualFunction)
    const end = await stage.property('data path', steps, (list) => switched(stage, functions, list))
    return end.held ? works : fails(end.reason, decides)
  },
}
