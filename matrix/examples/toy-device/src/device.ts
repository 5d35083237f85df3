import { constantIn, defineDevice } from '@vmbus/core'
import type { OwnDevice } from '@vmbus/matrix/config'
import { echoDriver } from './guest.ts'
import { echoHost, type EchoHost } from './host.ts'
import { ECHO_INSTANCE, ECHO_INTERFACE, MessageType, decode } from './protocol.ts'

/** Both ends, as anything made of vmbus takes them: `echo({})` to offer, `echo.driver({ versions })` to load. */
export const echo = defineDevice({
  kind: 'echo',
  interfaceIds: [ECHO_INTERFACE],
  offer: () => ({ interfaceId: ECHO_INTERFACE, instanceId: ECHO_INSTANCE }),
  host: (_options: object, _deps, versions: readonly number[] = []) => echoHost(versions),
  guest: ({ versions, answer }: { versions: readonly number[]; answer?: (bytes: Uint8Array) => Uint8Array }) =>
    echoDriver(versions, answer),
  // What transcripts, and the page's exchanges, call its messages: HELLO, ECHO.
  trace: { payloadText: (payload) => constantIn(MessageType, decode(payload)?.type ?? 0) },
})

/** The same for the matrix: the fields `toy.echo` of a host and of a guest are the versions of each. */
export const echoDevice: OwnDevice<EchoHost> = {
  id: 'toy.echo',
  offer: () => echo({}),
  driver: (versions: readonly number[]) => echo.driver({ versions }),
}
