import { expect, test } from 'vitest'
import { scsiHosts } from '../src/scsi/index.ts'

test('disks have the lowest free name, of one letter and then of two', () => {
  const hosts = scsiHosts()
  const names = Array.from({ length: 28 + 26 * 26 }, () => hosts.addDisk())
  expect([names[0], names[25], names[26], names[27], names[26 + 26 * 26 - 1], names[26 + 26 * 26]]).toEqual([
    'sda',
    'sdz',
    'sdaa',
    'sdab',
    'sdzz',
    'sdaaa',
  ])
  hosts.removeDisk('sdb')
  hosts.removeDisk('sdaa')
  expect([hosts.addDisk(), hosts.addDisk()]).toEqual(['sdb', 'sdaa'])
})

test('hosts have the lowest free number; both are as they were after a restore', () => {
  const hosts = scsiHosts()
  expect([hosts.addHost('a'), hosts.addHost('b'), hosts.addHost('c')]).toEqual([0, 1, 2])
  hosts.removeHost('b')
  hosts.addDisk()
  const saved = hosts.save()
  expect([hosts.addHost('d'), hosts.addDisk()]).toEqual([1, 'sdb'])
  hosts.restore(saved)
  expect([hosts.addHost('e'), hosts.addHost('f'), hosts.addDisk()]).toEqual([1, 3, 'sdb'])
})
