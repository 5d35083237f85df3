import { PartitionError } from './errors.ts'
import type { EventPort, MessagePort } from './types.ts'

/** Connection ids have 24 significant bits (TLFS HV_CONNECTION_ID). */
export const CONNECTION_ID_MASK = 0x00ff_ffff

/** Which connection ids lead to whom. Wiring, not state: the host's owner connects ports again after a restore. */
export interface PortTable {
  readonly messages: ReadonlyMap<number, MessagePort>
  readonly events: ReadonlyMap<number, EventPort>
  connectMessage(connection: number, port: MessagePort): void
  connectEvent(connection: number, port: EventPort): void
  disconnect(connection: number): void
}

export function portTable(): PortTable {
  const messages = new Map<number, MessagePort>()
  const events = new Map<number, EventPort>()
  const claim = (connection: number): void => {
    if (!Number.isInteger(connection) || connection < 0 || connection > CONNECTION_ID_MASK) {
      throw new PartitionError('VMBUS_PARTITION_OPTION', `connection id ${connection} is not in 0…0xffffff`)
    }
    if (messages.has(connection) || events.has(connection)) {
      throw new PartitionError('VMBUS_PORT_IN_USE', `connection id 0x${connection.toString(16)} has a port`)
    }
  }
  return {
    messages,
    events,
    connectMessage(connection, port) {
      claim(connection)
      messages.set(connection, port)
    },
    connectEvent(connection, port) {
      claim(connection)
      events.set(connection, port)
    },
    disconnect(connection) {
      messages.delete(connection)
      events.delete(connection)
    },
  }
}
