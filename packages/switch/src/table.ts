/** Where a MAC address was last seen: the port's index and the time. */
interface Entry {
  port: number
  at: number
}

/** One learned address, as saved. */
export interface TableRow {
  readonly vlan: number
  readonly mac: number
  readonly port: number
  readonly at: number
}

export interface AddressTable {
  learn(vlan: number, mac: number, port: number, now: number): void
  /** The port's index, or -1. */
  find(vlan: number, mac: number, now: number): number
  /** Forgets everything learned from a port. */
  forget(port: number): void
  rows(): TableRow[]
  load(rows: readonly TableRow[]): void
}

export interface TableLimits {
  /** An address that has sent nothing for this long (100 ns units) is forgotten. */
  readonly ageing: number
  readonly capacity: number
  /** Most addresses learned from one port, so that one cannot fill the table for all. */
  readonly perPort: number
}

/** Learned addresses by VLAN. A full table learns nothing new until something ages: unknown addresses are flooded. */
export function addressTable(limits: TableLimits): AddressTable {
  const vlans = new Map<number, Map<number, Entry>>()
  const perPort = new Map<number, number>()
  let size = 0

  const count = (port: number, by: number): void => {
    perPort.set(port, (perPort.get(port) ?? 0) + by)
    size += by
  }
  const remove = (addresses: Map<number, Entry>, mac: number, entry: Entry): void => {
    addresses.delete(mac)
    count(entry.port, -1)
  }
  const sweep = (unwanted: (entry: Entry) => boolean): void => {
    for (const [vlan, addresses] of vlans) {
      for (const [mac, entry] of addresses) if (unwanted(entry)) remove(addresses, mac, entry)
      if (addresses.size === 0) vlans.delete(vlan)
    }
  }
  /** The time before which sweeping again cannot free anything, so that a flood of addresses does not sweep each time. */
  let sweepAgainAt = -Infinity
  const hasRoom = (port: number, now: number): boolean => {
    const full = (): boolean => size >= limits.capacity || (perPort.get(port) ?? 0) >= limits.perPort
    if (!full()) return true
    if (now < sweepAgainAt) return false
    sweep((entry) => now - entry.at > limits.ageing)
    let oldest = Infinity
    for (const addresses of vlans.values()) for (const { at } of addresses.values()) if (at < oldest) oldest = at
    sweepAgainAt = oldest + limits.ageing
    return !full()
  }
  const add = (vlan: number, mac: number, entry: Entry): void => {
    let addresses = vlans.get(vlan)
    if (addresses === undefined) vlans.set(vlan, (addresses = new Map<number, Entry>()))
    addresses.set(mac, entry)
    count(entry.port, 1)
  }

  return {
    learn(vlan, mac, port, now) {
      const known = vlans.get(vlan)?.get(mac)
      if (known === undefined) {
        if (hasRoom(port, now)) add(vlan, mac, { port, at: now })
        return
      }
      if (known.port !== port) {
        count(known.port, -1)
        count(port, 1)
        known.port = port
      }
      known.at = now
    },
    find(vlan, mac, now) {
      const addresses = vlans.get(vlan)
      const entry = addresses?.get(mac)
      if (addresses === undefined || entry === undefined) return -1
      if (now - entry.at <= limits.ageing) return entry.port
      remove(addresses, mac, entry)
      return -1
    },
    forget(port) {
      sweep((entry) => entry.port === port)
      perPort.delete(port)
    },
    rows() {
      const rows: TableRow[] = []
      for (const [vlan, addresses] of vlans)
        for (const [mac, { port, at }] of addresses) rows.push({ vlan, mac, port, at })
      return rows
    },
    load(rows) {
      vlans.clear()
      perPort.clear()
      size = 0
      sweepAgainAt = -Infinity
      for (const { vlan, mac, port, at } of rows) add(vlan, mac, { port, at })
    },
  }
}
