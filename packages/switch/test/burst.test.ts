import { createSwitch, type Adapter, type Frame } from '@vmbus/switch'
import { expect, test } from 'vitest'
import { hex, testWorld } from './world.ts'

const frame = (to: string, from: string): Frame => ({ bytes: hex(`${to}${from}0800 00`) })
const [A, B, C] = ['020000000001', '020000000002', '020000000003'] as const

test('a receiver that gathers hears once of each burst that reaches it, and of its end', () => {
  const heard: string[] = []
  const lan = createSwitch(testWorld().deps)
  const gathering = (name: string, mac: string) =>
    lan.connect({
      name,
      mac,
      receive: () => void heard.push(name),
      gather: () => {
        heard.push(`${name} begins`)
        return () => void heard.push(`${name} ends`)
      },
    })
  gathering('b', '02:00:00:00:00:02')
  gathering('c', '02:00:00:00:00:03')
  lan.connect({ name: 'd', receive: () => void heard.push('d') })
  const a = lan.connect({ name: 'a', receive: () => undefined })

  a.send(frame(B, A))
  expect(heard.splice(0)).toEqual(['b'])
  a.burst(() => {
    a.send(frame(B, A))
    a.burst(() => a.send(frame(B, A)))
    a.send(frame(C, A))
    a.send(frame('ffffffffffff', A))
    heard.push('sent')
  })
  expect(heard.splice(0)).toEqual(['b begins', 'b', 'b', 'c begins', 'c', 'b', 'c', 'd', 'sent', 'b ends', 'c ends'])
  expect(() =>
    a.burst(() => {
      a.send(frame(B, A))
      throw new Error('stopped')
    }),
  ).toThrow('stopped')
  expect(heard).toEqual(['b begins', 'b', 'b ends'])
})

test('what an end of a burst sends is a burst of its own', () => {
  const heard: string[] = []
  const lan = createSwitch(testWorld().deps)
  const a = lan.connect({ name: 'a', receive: () => undefined })
  for (const [name, mac] of [
    ['b', '02:00:00:00:00:02'],
    ['c', '02:00:00:00:00:03'],
  ] as const) {
    const port = lan.connect({
      name,
      mac,
      receive: () => void heard.push(name),
      gather: () => () => {
        heard.push(`${name} ends`)
        if (name === 'b') port.burst(() => port.send(frame(C, B)))
      },
    })
  }
  a.burst(() => {
    a.send(frame(B, A))
    a.send(frame(C, A))
  })
  expect(heard).toEqual(['b', 'c', 'b ends', 'c', 'c ends'])
})

test('the adapter that began a burst hears of its end, though another has its slot by then', () => {
  const heard: string[] = []
  const lan = createSwitch(testWorld().deps)
  const a = lan.connect({ name: 'a', receive: () => undefined })
  const adapter = (who: string): Adapter => ({
    name: 'nic',
    mac: '02:00:00:00:00:02',
    config: {},
    accepts: {},
    machine: lan,
    instanceId: 'nic',
    origin: lan,
    isOpen: () => true,
    receive: () => void heard.push(who),
    gather: () => () => void heard.push(`${who} ends`),
    linkChanged: () => undefined,
  })
  const slot = lan.attach(adapter('old'))
  a.burst(() => {
    a.send(frame(B, A))
    slot?.take(adapter('new'))
    a.send(frame(B, A))
  })
  expect(heard).toEqual(['old', 'new', 'old ends'])
})
