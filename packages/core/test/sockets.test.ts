import { expect, test } from 'vitest'
import { MessageId, Version, encode, layouts, type TlConnectRequest } from '../src/index.ts'
import { bare, contactOld, contactV5, instance, fixture, type Fixture } from './host-fixture.ts'

const SERVICE = '00000400-facb-11e6-bd58-64006a7986d3'
const connect = (endpoint: number): Uint8Array =>
  encode(layouts.tlConnectRequest, MessageId.tlConnectRequest, { endpointId: instance(endpoint), serviceId: SERVICE })

/** A host that takes every socket's request, and keeps it. */
function listening(version: number): Fixture & { readonly requests: TlConnectRequest[] } {
  const requests: TlConnectRequest[] = []
  const made = fixture({
    versions: [version],
    tlConnect: (request) => {
      requests.push(request)
      return true
    },
  })
  made.post(1, version < Version.v5_0 ? contactOld(version) : contactV5(version))
  made.take()
  return { ...made, requests }
}
const results = ({ take }: Fixture): unknown[] => take().map((message) => layouts.tlConnectResult.parse(message))

test('a socket that the host took can be refused later', () => {
  const made = listening(Version.v5_3)
  made.post(4, connect(7))
  made.post(4, connect(8))
  expect(results(made)).toEqual([])
  const [seventh, eighth] = made.requests
  if (seventh === undefined || eighth === undefined) throw new Error('two requests')
  made.bus.refuseTlConnect(eighth)
  expect(results(made)).toMatchObject([{ endpointId: instance(8), serviceId: SERVICE, status: 0xc000_0236 }])
  // A request is a plain value, which its owner may save.
  made.bus.restore(made.bus.save())
  made.bus.refuseTlConnect({ ...seventh })
  expect(results(made)).toMatchObject([{ endpointId: instance(7) }])
  expect(made.branches()).toEqual(['tl-refused', 'tl-refused'])
})

test('who has left, or connected anew, does not hear of it', () => {
  const made = listening(Version.v5_3)
  made.post(4, connect(7))
  const [request] = made.requests
  if (request === undefined) throw new Error('no request')
  made.post(4, bare(MessageId.unload))
  made.take()
  made.bus.refuseTlConnect(request)
  made.post(4, contactV5(Version.v5_3))
  made.take()
  made.bus.refuseTlConnect(request)
  expect([made.take(), made.branches()]).toEqual([[], []])
})

test('below 4.1 no answer exists', () => {
  const made = listening(Version.v4_0)
  made.post(1, connect(7))
  for (const request of made.requests) made.bus.refuseTlConnect(request)
  expect([made.requests.length, made.take(), made.branches()]).toEqual([1, [], ['tl-refused']])
})
