import { describe, expect, test } from 'vitest'
import { createSwitch, type Adapter } from '@vmbus/switch'
import { testWorld } from './world.ts'

const FRAME = Uint8Array.from([0, 0x15, 0x5d, 0, 0, 1, 2, 0, 0, 0, 0, 1, 8, 0, ...Array.from({ length: 46 }, () => 0)])

describe('a slot', () => {
  const made = () => {
    const lan = createSwitch(testWorld().deps)
    const peer = lan.connect({ name: 'peer', receive: () => undefined })
    const got: string[] = []
    const adapter = (who: string, changed: Partial<Adapter> = {}): Adapter => ({
      name: 'nic',
      mac: '00:15:5d:00:00:01',
      config: {},
      accepts: {},
      machine: lan,
      instanceId: 'first',
      origin: peer,
      isOpen: () => true,
      receive: () => void got.push(who),
      gather: () => () => undefined,
      linkChanged: () => undefined,
      ...changed,
    })
    const receiver = (): string => {
      got.length = 0
      peer.send({ bytes: FRAME })
      return got.join()
    }
    return { lan, adapter, receiver }
  }

  test('keeps its port when the adapter is made anew, which gets frames once it takes it', () => {
    const { lan, adapter, receiver } = made()
    const slot = lan.attach(adapter('first'))
    const again = adapter('again')
    expect(lan.attach(again)).toBe(slot)
    expect(receiver()).toBe('first')
    slot?.take(again)
    expect(receiver()).toBe('again')
    slot?.release(again)
    expect(receiver()).toBe('')
    expect(lan.attach(adapter('third'))).toBe(slot)
    expect([receiver(), lan.inspect().ports.length]).toEqual(['third', 2])
  })

  test('is no one else’s while its adapter is there, and is given up for another address', () => {
    const { lan, adapter, receiver } = made()
    const slot = lan.attach(adapter('first'))
    for (const others of [{ machine: {}, origin: {} }, { instanceId: 'second', origin: {} }, { machine: {} }])
      expect(lan.attach(adapter('other', others))).toBeUndefined()
    const moved = lan.attach(adapter('moved', { mac: '00:15:5d:00:00:02' }))
    expect(moved).not.toBe(slot)
    expect([moved?.mac, lan.inspect().ports.length, receiver()]).toEqual(['00:15:5d:00:00:02', 2, 'moved'])
  })

  test('of one switch is not found in another', () => {
    const [one, two] = [made(), made()]
    const adapter = one.adapter('first')
    expect(two.lan.attach(adapter)).not.toBe(one.lan.attach(adapter))
    expect([one.receiver(), two.lan.inspect().ports.length]).toEqual(['first', 2])
  })
})
