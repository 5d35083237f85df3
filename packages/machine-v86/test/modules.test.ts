import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TarEntry } from '../src/archive/tar.ts'
import { MachineError } from '../src/index.ts'
import { readModuleInfo } from '../src/image/modinfo.ts'
import { moduleTree, withNeeds } from '../src/image/modules.ts'
import { withoutSignature } from '../src/image/module-signature.ts'
import { codeOf } from './support/errors.ts'
import { kernelModule } from './support/module.ts'

const file = (path: string, bytes: Uint8Array): TarEntry => ({ path, type: 'file', mode: 0o644, target: '', bytes })
const module = (path: string, ...strings: readonly string[]): TarEntry =>
  file(`lib/modules/6.1/kernel/${path}`, kernelModule(...strings))

const tree = moduleTree([
  file('lib/modules/6.1/modules.builtin', Buffer.from('kernel/lib/crc16.ko\nkernel/fs/nls-base.ko\n')),
  module('hv/hv_utils.ko', 'name=hv_utils', 'depends=hv_vmbus,ptp'),
  module('hv/hv_vmbus.ko', 'name=hv_vmbus', 'depends='),
  module('ptp/ptp.ko', 'name=ptp', 'depends=pps_core'),
  module('pps/pps-core.ko', 'name=pps_core', 'depends='),
  module('fs/ext4.ko', 'name=ext4', 'depends=jbd2,crc16', 'softdep=pre: crc32c'),
  module('fs/jbd2.ko', 'name=jbd2', 'depends='),
  module('crypto/crc32c_generic.ko', 'name=crc32c_generic', 'depends=', 'alias=crypto-crc32c'),
  module('loop/a.ko', 'name=a', 'depends=b'),
  module('loop/b.ko', 'name=b', 'depends=a'),
  module('bad/orphan.ko', 'name=orphan', 'depends=nowhere'),
])
const order = async (...wanted: string[]): Promise<string[]> => (await tree.closure(wanted)).map(({ name }) => name)

describe('moduleTree', () => {
  it('orders modules after what they need, each once', async () => {
    expect(await order('hv_utils', 'hv_vmbus')).toEqual(['hv_vmbus', 'pps_core', 'ptp', 'hv_utils'])
  })

  it('follows soft dependencies by alias and leaves out what is built in', async () => {
    expect(await order('ext4', 'nls_base')).toEqual(['crc32c_generic', 'jbd2', 'ext4'])
  })

  it('takes - and _ for the same, and ends on a circle', async () => {
    expect(await order('pps-core')).toEqual(['pps_core'])
    expect((await order('a')).sort()).toEqual(['a', 'b'])
  })

  it('tells what each needs before it, so that some of an image can be loaded', async () => {
    const modules = await tree.closure(['ext4', 'hv_utils', 'a'])
    const needs = Object.fromEntries(modules.map(({ name, needs: before }) => [name, before]))
    expect(needs).toEqual({
      crc32c_generic: [],
      jbd2: [],
      ext4: ['crc32c_generic', 'jbd2'],
      hv_vmbus: [],
      pps_core: [],
      ptp: ['pps_core'],
      hv_utils: ['hv_vmbus', 'ptp'],
      b: ['a'],
      a: ['b'],
    })
    // Each once, also where a kernel refuses what several need; a circle ends; what the image does not know is tried as it is.
    expect(withNeeds(['hv_utils', 'hv_vmbus'], needs)).toEqual(['hv_vmbus', 'pps_core', 'ptp', 'hv_utils'])
    expect(withNeeds(['a', 'other'], needs)).toEqual(['b', 'a', 'other'])
  })

  it('names a module that is not there', async () => {
    expect(await codeOf(() => tree.closure(['hv_balloon']))).toBe('VMBUS_IMAGE_NO_MODULE')
    expect(await codeOf(() => tree.closure(['orphan']))).toBe('VMBUS_IMAGE_NO_MODULE')
  })
})

describe('withoutSignature', () => {
  /** As scripts/sign-file.c writes it: the signature, eight bytes that say of what kind, its length, and the marker. */
  const signed = (module: Uint8Array, signature: Uint8Array, length = signature.length): Uint8Array => {
    const trailer = Buffer.from([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    trailer.writeUInt32BE(length, 8)
    return Buffer.concat([module, signature, trailer, Buffer.from('~Module signature appended~\n')])
  }

  it('leaves the module as it was before it was signed', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 700 }), (module, signature) => {
        expect(Buffer.from(withoutSignature(signed(module, signature)))).toEqual(Buffer.from(module))
      }),
      { seed: 9, numRuns: 300 },
    )
  })

  it('leaves alone what is not signed, and what says that its signature is longer than the file', () => {
    const whole = kernelModule('name=x')
    const wrong = signed(whole, Uint8Array.of(1, 2), whole.length + 3)
    for (const each of [whole, wrong, new Uint8Array(0), Buffer.from('~Module signature appended~\n')])
      expect(withoutSignature(each)).toBe(each)
  })
})

describe('readModuleInfo', () => {
  it('answers any damaged module with its words or VMBUS_IMAGE_FORMAT', () => {
    const whole = kernelModule('name=x', 'depends=a,b', 'softdep=pre: c post: d', 'alias=e')
    expect(readModuleInfo(whole, 'x')).toEqual({ name: 'x', depends: ['a', 'b'], softDepends: ['c'], aliases: ['e'] })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(whole.length),
        (changes, length) => {
          const bad = whole.slice()
          for (const [at, value] of changes) bad[at] = value
          try {
            readModuleInfo(bad.subarray(0, length), 'x')
          } catch (error) {
            expect(error).toBeInstanceOf(MachineError)
          }
        },
      ),
      { seed: 8, numRuns: 1000 },
    )
  })
})
