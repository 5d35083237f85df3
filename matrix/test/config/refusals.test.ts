import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import toyDevice from '../../examples/toy-device/vmbus.config.ts'
import type { VmbusConfig } from '../../src/config/config.ts'
import { ConfigError, ConfigImportError } from '../../src/config/error.ts'
import { checkConfig, findConfig, loadRegistry } from '../../src/config/load.ts'
import { OURS } from '../../src/registry/registry.ts'

const [probe] = toyDevice.probes ?? []
const [device] = toyDevice.devices ?? []
const read = <T>(value: T) => ({ value, basis: 'source-read', source: 'here' }) as const
const lab = { id: 'lab-3', name: 'Lab host 3', like: 'ws2022' }
const toyos = { name: 'toyos 3.0', like: 'debian 12' }
const shell = { name: 'Shell', group: 'toys' }

/** The example with other parts. */
const withParts = (parts: object): object => ({ ...toyDevice, ...parts })
const withHost = (host: object): object => withParts({ hosts: [{ ...lab, ...host }] })
const withGuest = (guest: object): object => withParts({ guests: [{ ...toyos, ...guest }] })
const withProbe = (parts: object): object => withParts({ probes: [{ ...probe, ...parts }] })

/** What is wrong, where it stands, the value there, and a part of what is said. */
const REFUSED: readonly (readonly [what: string, config: unknown, path: string, value: unknown, said: string])[] = [
  ['no object', 5, '', 5, 'its default export is 5'],
  ['nothing', undefined, '', undefined, 'its default export is nothing'],
  ['a misspelt name', { guest: [] }, 'guest', 'guest', 'no such name'],
  ['a name without a dot', withParts({ features: [{ id: 'echo', ...shell }] }), 'features.0.id', 'echo', 'toy.echo'],
  [
    'a name of two of its hosts',
    withParts({ hosts: [lab, { ...lab, id: 'LAB 3' }] }),
    'hosts.1.id',
    'LAB 3',
    'hosts.0',
  ],
  ['a name of two of its probes', withParts({ probes: [probe, probe] }), 'probes.1.id', 'toy.echo', 'probes.0'],
  ['a name of two of its devices', withParts({ devices: [device, device] }), 'devices.1.id', 'toy.echo', 'devices.0'],
  ['the name of a host of ours', withHost({ id: 'WS2022' }), 'hosts.0.id', 'WS2022', 'our hosts'],
  ['the name of a guest of ours', withGuest({ name: 'debian 12' }), 'guests.0.name', 'debian 12', 'our guests'],
  ['a guest without a version', withGuest({ name: 'toyos' }), 'guests.0.name', 'toyos', 'toyos 1.0'],
  ['a host like none', withHost({ like: 'ws2023' }), 'hosts.0.like', 'ws2023', 'ws2022'],
  ['a guest like none', withGuest({ like: 'debian 99' }), 'guests.0.like', 'debian 99', 'no release debian 99'],
  ['a guest like one without drivers', withGuest({ like: 'rhel 5.1' }), 'guests.0.like', 'rhel 5.1', 'simulated'],
  ['a host delta that names no field', withHost({ fields: { tirm: read(true) } }), 'hosts.0.fields', 'tirm', 'a fact'],
  ['a guest delta that names no field', withGuest({ fields: { kpv: read(true) } }), 'guests.0.fields', 'kpv', 'linux'],
  [
    'an own field that is not declared',
    withHost({ fields: { 'toy.tape': read(1) } }),
    'hosts.0.fields',
    'toy.tape',
    'fields.host',
  ],
  [
    'a host value of another kind',
    withHost({ fields: { trim: read('yes') } }),
    'hosts.0.fields.trim.value',
    'yes',
    'yes or no',
  ],
  [
    'a list of other things',
    withHost({ fields: { vmbus: read(['5.0']) } }),
    'hosts.0.fields.vmbus.value',
    ['5.0'],
    'a list of numbers',
  ],
  [
    'a guest value of another kind',
    withGuest({ fields: { kvp: read([0x4_0000]) } }),
    'guests.0.fields.kvp.value',
    [0x4_0000],
    '{ framework: a list of numbers, message: a list of numbers }',
  ],
  [
    'a value without how it is known',
    withHost({ fields: { trim: { value: true, source: 'here' } } }),
    'hosts.0.fields.trim.basis',
    undefined,
    'basis',
  ],
  [
    'a basis of no kind',
    withHost({ fields: { trim: { ...read(true), basis: 'guess' } } }),
    'hosts.0.fields.trim.basis',
    'guess',
    'source-read',
  ],
  [
    'a device without its field',
    withParts({ fields: { guest: toyDevice.fields?.guest } }),
    'devices.0.id',
    'toy.echo',
    'fields.host',
  ],
  [
    'a device that cannot be offered',
    withParts({ devices: [{ ...device, offer: 'echo' }] }),
    'devices.0.offer',
    'echo',
    'function',
  ],
  [
    'a probe that reads an undeclared field',
    withProbe({ reads: { ...probe?.reads, linux: ['vmbus', 'toy.tape'] } }),
    'probes.0.reads.linux.1',
    'toy.tape',
    'fields.guest',
  ],
  [
    'a probe that reads what no host has',
    withProbe({ reads: { ...probe?.reads, host: ['toy.echo', 'tirm'] } }),
    'probes.0.reads.host.1',
    'tirm',
    'fields.host',
  ],
  [
    'a device that its probe does not read of the host',
    withProbe({ reads: { ...probe?.reads, host: ['vmbus'] } }),
    'probes.0.reads.host',
    ['vmbus'],
    'toy.echo as well',
  ],
  [
    'a probe of no feature',
    withProbe({ feature: 'toy.tape' }),
    'probes.0.feature',
    'toy.tape',
    'a feature of the pages',
  ],
  ['a probe of an unknown device', withProbe({ devices: ['tape'] }), 'probes.0.devices.0', 'tape', 'heartbeat'],
  [
    'bytes of a device that is not used',
    withProbe({ bytes: ['kvp'] }),
    'probes.0.bytes.0',
    'kvp',
    'that the probe uses',
  ],
  ['a probe without a control', withProbe({ control: {} }), 'probes.0.control', {}, 'turns the probe red'],
  ['a control that is not read', withProbe({ control: { kvp: undefined } }), 'probes.0.control', 'kvp', 'reads'],
  ['a probe without reads', withProbe({ reads: { host: [] } }), 'probes.0.reads.linux', undefined, 'linux'],
  ['a version that is none', withProbe({ version: 0 }), 'probes.0.version', 0, '>=1'],
]

describe('a configuration is refused with file, path and value:', () => {
  test.each(REFUSED)('%s', (_, config, path, value, said) => {
    let error: unknown
    try {
      checkConfig(config, 'vmbus.config.ts')
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ code: 'VMBUS_CONFIG_INVALID', file: 'vmbus.config.ts', path })
    expect((error as ConfigError).value).toEqual(value)
    expect((error as ConfigError).message).toContain(said)
  })

  test.each(OURS.probes.map((each) => [each.id, each] as const))('but not %s, as one of a user', (id, each) => {
    const own: VmbusConfig = { probes: [{ ...each, id: `our.${id}` }] }
    expect(checkConfig(own, 'vmbus.config.ts')).toBe(own)
  })

  test('but not the example', () => {
    const checked: VmbusConfig = checkConfig(toyDevice, 'vmbus.config.ts')
    expect(checked).toBe(toyDevice)
  })
})

describe('the file of a configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmbus-config-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const said = async (path: string): Promise<unknown> => await loadRegistry(path).catch((error: unknown) => error)

  test('that is not there, throws, or does not parse, is refused with its path and why', async () => {
    const throwing = file('throws.mjs', 'throw new RangeError("no such tape")')
    for (const [path, why] of [
      [join(folder, 'none.mjs'), 'there is no such file'],
      [throwing, 'it throws when it is imported: no such tape'],
      [file('parse.mjs', 'export default {'), 'it throws when it is imported'],
    ] as const) {
      const error = await said(path)
      expect(error).toBeInstanceOf(ConfigImportError)
      expect(error).toMatchObject({ code: 'VMBUS_CONFIG_IMPORT', file: path })
      expect((error as ConfigImportError).message).toContain(`${path}: ${why}`)
    }
  })

  test('is refused with its path when it exports nothing', async () => {
    expect(await said(file('empty.mjs', 'export const hosts = []'))).toMatchObject({
      code: 'VMBUS_CONFIG_INVALID',
      path: '',
      message: `${join(folder, 'empty.mjs')}: its default export is nothing, expected: Object`,
    })
  })

  test('is found from a folder upward', () => {
    const found = file('vmbus.config.mjs', 'export default {}')
    expect(findConfig(join(folder, 'deep/down'))).toBe(found)
    expect(findConfig(folder)).toBe(found)
    expect(findConfig(join(folder, '..'))).toBeUndefined()
  })
})
