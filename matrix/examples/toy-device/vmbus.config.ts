import { defineConfig } from '@vmbus/matrix/config'
import { echo, echoDevice } from './src/device.ts'
import { echoProbe } from './src/probe.ts'

/** How these values are known: they are what the code of this package says. */
const known = <T>(value: T) => ({ value, basis: 'source-read', source: 'toy-device, vmbus.config.ts' }) as const

export default defineConfig({
  // Hosts and guests that say nothing of it lack it.
  fields: { guest: { 'toy.echo': known(undefined) }, host: { 'toy.echo': known(undefined) } },
  devices: [echoDevice],
  hosts: [
    { id: 'lab-1', name: 'Lab host 1', like: 'ws2019', fields: { 'toy.echo': known([1]) } },
    { id: 'lab-2', name: 'Lab host 2', like: 'ws2022', fields: { 'toy.echo': known([1, 2]) } },
  ],
  guests: [
    {
      name: 'toyos 0.9',
      like: 'debian 12',
      fields: { 'toy.echo': known([1]) },
      // Its own driver, which loses the last byte of what is longer than 32.
      drivers: {
        'toy.echo': (versions: readonly number[]) =>
          echo.driver({ versions, answer: (bytes) => (bytes.length > 32 ? bytes.subarray(0, -1) : bytes) }),
      },
    },
    { name: 'toyos 1.0', like: 'debian 12', fields: { 'toy.echo': known([1]) } },
    { name: 'toyos 2.0', like: 'freebsd 14.1', fields: { 'toy.echo': known([2]) } },
  ],
  features: [{ id: 'toy.echo', name: 'Echo of messages', group: 'toys' }],
  probes: [echoProbe],
})
