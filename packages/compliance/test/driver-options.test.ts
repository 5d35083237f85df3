import { balloon } from '@vmbus/balloon'
import { fcopy } from '@vmbus/fcopy'
import { heartbeat } from '@vmbus/heartbeat'
import { kvp } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { storvsc } from '@vmbus/storvsc'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import { OptionsError } from '@vmbus/world'
import { expect, test } from 'vitest'

// Long before a device is there that the driver could be bound to.
test.each([
  ['balloon', balloon],
  ['fcopy', fcopy],
  ['heartbeat', heartbeat],
  ['kvp', kvp],
  ['netvsc', netvsc],
  ['shutdown', shutdown],
  ['storvsc', storvsc],
  ['timesync', timesync],
  ['vss', vss],
] as const)('the driver of %s looks at its options when it is asked for', (kind, device) => {
  const driver = device.driver as (options: unknown) => unknown
  for (const [options, field] of [
    [{ misspelt: 1 }, `${kind}.driver.misspelt`],
    ['text', `${kind}.driver`],
  ] as const) {
    let thrown: unknown
    try {
      driver(options)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(OptionsError)
    expect(thrown).toMatchObject({ code: 'VMBUS_OPTIONS_INVALID', field })
  }
})
