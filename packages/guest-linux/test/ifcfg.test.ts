import type { IpInfo } from '@vmbus/kvp'
import { describe, expect, test } from 'vitest'
import { ifcfgOf, settingsOf } from '../src/modules/hv-utils/ifcfg.ts'

const STATIC: IpInfo = {
  adapterId: '{f8615163-0000-1000-2000-00155d000001}',
  family: 'both',
  dhcp: false,
  addresses: ['10.0.0.77', '10.0.1.77', 'fd00::77', 'fd00::78'],
  subnets: ['255.255.255.0', '255.255.254.0', '64', '/48'],
  gateways: ['10.0.0.1', '10.0.0.2', 'fd00::1'],
  dns: ['10.0.0.53', 'fd00::53'],
}

const text = (info: IpInfo): string => new TextDecoder().decode(ifcfgOf('eth0', '00:15:5d:00:00:0a', info).file)

/** The format: tools/hv/hv_kvp_daemon.c, kvp_set_ip_info and process_ip_string, read and written out by hand. */
describe('what hv_set_ifconfig is given', () => {
  test('names the adapter, and each entry by its family and number', () => {
    expect(text(STATIC)).toBe(`HWADDR=00:15:5D:00:00:0A
DEVICE=eth0
BOOTPROTO=none
IPADDR0=10.0.0.77
IPADDR1=10.0.1.77
IPV6ADDR=fd00:0000:0000:0000:0000:0000:0000:0077
IPV6ADDR_1=fd00:0000:0000:0000:0000:0000:0000:0078
NETMASK0=255.255.255.0
NETMASK1=255.255.254.0
IPV6NETMASK=64
IPV6NETMASK_1=/48
GATEWAY=10.0.0.1
GATEWAY1=10.0.0.2
IPV6_DEFAULTGW=fd00:0000:0000:0000:0000:0000:0000:0001
DNS1=10.0.0.53
DNS2=fd00:0000:0000:0000:0000:0000:0000:0053
`)
    expect(settingsOf(STATIC)).toEqual({
      addresses: ['10.0.0.77/24', '10.0.1.77/23', 'fd00::77/64', 'fd00::78/48'],
      gateways: ['10.0.0.1', '10.0.0.2', 'fd00::1'],
      dns: ['10.0.0.53', 'fd00::53'],
      dhcp: false,
    })
  })

  test('is three lines with DHCP, whatever addresses come along', () => {
    expect(text({ ...STATIC, dhcp: true })).toBe('HWADDR=00:15:5D:00:00:0A\nDEVICE=eth0\nBOOTPROTO=dhcp\n')
    expect(settingsOf({ ...STATIC, dhcp: true })).toEqual({ addresses: [], gateways: [], dns: [], dhcp: true })
  })

  test('ends at the first entry that is no address', () => {
    const info = { ...STATIC, addresses: ['10.0.0.77', '10.0.0.777', '10.0.0.78'] }
    expect(text(info)).toBe('HWADDR=00:15:5D:00:00:0A\nDEVICE=eth0\nBOOTPROTO=none\nIPADDR0=10.0.0.77\n')
    expect(ifcfgOf('eth0', '', info).isWhole).toBe(false)
    expect(ifcfgOf('eth0', '', { ...STATIC, dns: ['no'] }).isWhole).toBe(false)
    // A mask is written as it comes: what is no address counts as prefix length.
    expect(ifcfgOf('eth0', '', { ...STATIC, subnets: ['mask'] }).isWhole).toBe(true)
  })

  test('without masks has those of the classes of its addresses', () => {
    const addresses = ['10.1.2.3', '172.16.0.1', '192.168.0.1', 'fd00::1']
    expect(settingsOf({ ...STATIC, addresses, subnets: [] }).addresses).toEqual([
      '10.1.2.3/8',
      '172.16.0.1/16',
      '192.168.0.1/24',
      'fd00::1/64',
    ])
  })
})
