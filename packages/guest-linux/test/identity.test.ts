import { describe, expect, test } from 'vitest'
import { linux } from '../src/index.ts'
import { intrinsicKeys } from '../src/modules/hv-utils/kvp.ts'
import { netInterfaces } from '../src/net/index.ts'
import { fileTree } from '../src/system/file-tree.ts'
import { machineOf, osRelease } from '../src/system/identity.ts'

const { quirks } = linux('6.1')

describe('a system', () => {
  test.each([
    ['5.10.0-32-686', 'i686'],
    ['6.1.0-50-686-pae', 'i686'],
    ['6.1.0-50-amd64', 'x86_64'],
    ['6.1.0-50-arm64', 'aarch64'],
    ['6.1', 'x86_64'],
  ])('of the release %s runs on %s', (release, machine) => {
    expect(machineOf(release)).toBe(machine)
  })

  test('is named by /etc/os-release, as the daemon reads it', () => {
    const debian = '# NAME="no"\nPRETTY_NAME="Debian"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n'
    expect(osRelease(debian)).toEqual({ name: 'Debian GNU/Linux', version: '12' })
    expect(osRelease('NAME=\'a \\"b\\"\'\nVERSION_ID')).toEqual({ name: 'a "b"' })
    expect(osRelease('')).toEqual({})
  })

  test('tells ten keys, in the order of the daemon', () => {
    const files = fileTree({ files: { '/etc/os-release': Uint8Array.from(Buffer.from('NAME=Größe\nVERSION_ID=7\n')) } })
    const identity = { release: '6.1.0-50-686-pae', machine: 'i686', domainName: 'vm.example' }
    expect(
      intrinsicKeys(identity, files, quirks, netInterfaces(), '4.3.5').map(({ key, value }) => `${key}=${value}`),
    ).toEqual([
      'FullyQualifiedDomainName=vm.example',
      'IntegrationServicesVersion=4.3.5',
      'NetworkAddressIPv4=',
      'NetworkAddressIPv6=',
      'OSBuildNumber=6.1.0-50-686-pae',
      'OSName=Größe',
      'OSMajorVersion=7',
      'OSMinorVersion=',
      'OSVersion=6.1.0',
      'ProcessorArchitecture=i686',
    ])
  })

  test('without a name tells the text of the error, or nothing when it is a correct one', () => {
    const identity = { release: '6.1', machine: 'x86_64', domainName: undefined }
    const nameOf = (known: typeof quirks): string | undefined =>
      intrinsicKeys(identity, fileTree(), known, netInterfaces(), '3.1')[0]?.value
    expect(nameOf(quirks)).toBe('getaddrinfo failed: 0xfffffffd Temporary failure in name resolution')
    expect(nameOf(new Set())).toBe('')
  })
})
