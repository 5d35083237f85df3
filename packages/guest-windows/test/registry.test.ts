import { describe, expect, test } from 'vitest'
import { RegistryType, windows } from '../src/index.ts'
import { windowsRegistry } from '../src/system/registry.ts'

describe('HKEY_LOCAL_MACHINE', () => {
  test('knows keys and names in any case, and keeps the case that they were made with', () => {
    const registry = windowsRegistry()
    expect(registry.set('SOFTWARE\\Example', { name: 'Role', type: RegistryType.sz, data: 'web' })).toBe(true)
    expect(registry.set('Software\\EXAMPLE', { name: 'ROLE', type: RegistryType.dword, data: '7' })).toBe(true)
    expect([registry.keys, registry.values('software\\example')]).toEqual([
      ['SOFTWARE\\Example'],
      [{ name: 'Role', type: 4, data: '7' }],
    ])
    expect([registry.remove('software\\example', 'role'), registry.remove('software\\example', 'role')]).toEqual([
      true,
      false,
    ])
    expect(registry.value('SOFTWARE\\Example', 'Role')).toBeUndefined()
  })

  test.each([
    ['dword', '4294967295', true],
    ['dword', '4294967296', false],
    ['dword', '-1', false],
    ['qword', '18446744073709551615', true],
    ['qword', '18446744073709551616', false],
    ['qword', 'seven', false],
    ['expandSz', '%windir%', true],
  ] as const)('a %s holds %s: %s', (type, data, fits) => {
    expect(windowsRegistry().set('K', { name: 'n', type: RegistryType[type], data })).toBe(fits)
  })

  test('is saved and restored, and refuses a state that is none', () => {
    const [one, other] = [windowsRegistry(), windowsRegistry()]
    one.set('K', { name: 'n', type: RegistryType.qword, data: '1' })
    other.restore(one.save())
    expect(other.values('k')).toEqual([{ name: 'n', type: 11, data: '1' }])
    expect(() => other.restore({ keys: [] })).toThrow(expect.objectContaining({ code: 'VMBUS_STATE_INVALID' }))
  })
})

test('a server and a client say in Auto what they are', () => {
  const auto = (id: 'win7' | 'ws2012r2' | 'winxp') => {
    const services = new Map<string, unknown>()
    const generation = windows(id, { architecture: 'x86' })
    const hooks = {
      clock: { set() {}, now: () => 0n },
      act() {},
      ramPages: 1024,
      service<P>(name: string, make: () => P): P {
        const made = make()
        services.set(name, made)
        return made
      },
    }
    generation.drivers(hooks)
    const registry = services.get('registry') as ReturnType<typeof windowsRegistry>
    const value = (name: string) => registry.value('SOFTWARE\\Microsoft\\Virtual Machine\\Auto', name)?.data
    return ['OSName', 'CSDVersion', 'ProductType', 'ProcessorArchitecture', 'IntegrationServicesVersion'].map(value)
  }
  // VER_NT_WORKSTATION 1, VER_NT_SERVER 3; PROCESSOR_ARCHITECTURE_INTEL 0.
  expect(auto('win7')).toEqual(['Windows 7', 'Service Pack 1', '1', '0', '6.1.7601'])
  expect(auto('ws2012r2')).toEqual(['Windows Server 2012 R2', '', '3', '0', '6.3.9600'])
  expect(auto('winxp')).toEqual(['Windows XP', 'Service Pack 3', '1', '0', '6.3.9600.16384'])
})
