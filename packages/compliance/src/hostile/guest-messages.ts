import { MessageId, Version, encode, layouts } from '@vmbus/core'
import type { Random } from './random.ts'

/** What a guest knows of its host in the middle of a session. */
export interface GuestKnowledge {
  version: number
  features: number
  readonly relids: Set<number>
  /** id → relid and frame numbers, as far as the guest knows. */
  readonly gpadls: Map<number, { readonly relid: number; readonly pfns: readonly number[] }>
  readonly open: Set<number>
  nextGpadl: number
}

/** Frames that the session may grant, and the pages it names at contact. */
export interface GuestFrames {
  readonly first: number
  readonly count: number
  readonly monitors: readonly [number, number]
  readonly interruptPage: number
}

type Maker = (random: Random, know: GuestKnowledge, frames: GuestFrames) => Uint8Array

const relid = (random: Random, know: GuestKnowledge): number => random.any([...know.relids]) ?? 1 + random.below(4)

const contact: Maker = (random, know, frames) => {
  const version = random.chance(15)
    ? know.version || Version.v5_3
    : random.pick([
        Version.v0_13,
        Version.v1_1,
        Version.v2_4,
        Version.v3_0,
        Version.v4_0,
        Version.v4_1,
        Version.v5_0,
        Version.v5_1,
        Version.v5_2,
        Version.v5_3,
        Version.v6_0,
        Version.v6_0,
        Version.v6_0,
      ])
  const [parentToChildMonitor, childToParentMonitor] = frames.monitors
  const pages = random.chance(90)
    ? { parentToChildMonitor, childToParentMonitor }
    : { parentToChildMonitor, childToParentMonitor: 0 }
  if (version < Version.v5_0) {
    const interruptPage = random.chance(90) ? frames.interruptPage : frames.interruptPage + 8
    return encode(layouts.initiateContact, MessageId.initiateContact, { version, targetVp: 0, interruptPage, ...pages })
  }
  const sint = random.chance(96) ? 2 : random.below(20)
  const vtl = random.chance(97) ? 0 : 2
  const features = version >= Version.v6_0 ? (random.chance(60) ? 0xff : random.below(256)) : 0
  if (random.chance(30))
    return encode(layouts.initiateContactV6, MessageId.initiateContact, {
      version,
      sint,
      vtl,
      features,
      ...pages,
      clientId: '00000000-0000-0000-0000-0000000000aa',
    })
  return encode(layouts.initiateContactV5, MessageId.initiateContact, {
    version,
    targetVp: random.chance(97) ? 0 : 99,
    sint,
    vtl,
    features,
    ...pages,
  })
}

const gpadlHeader: Maker = (random, know, frames) => {
  const pages = 4 + random.below(random.chance(85) ? 6 : 40)
  const pfns = Array.from({ length: pages }, (_, index) => frames.first + ((index + random.below(2)) % frames.count))
  const id = random.chance(90) ? know.nextGpadl++ : (random.any([...know.gpadls.keys()]) ?? 1)
  const list = new Uint8Array(8 + pages * 8)
  const view = new DataView(list.buffer)
  view.setUint32(0, pages * 4096, true)
  pfns.forEach((pfn, index) => view.setUint32(8 + index * 8, pfn, true))
  const on = relid(random, know)
  if (!know.gpadls.has(id)) know.gpadls.set(id, { relid: on, pfns })
  return encode(layouts.gpadlHeader, MessageId.gpadlHeader, {
    relid: on,
    gpadl: id,
    rangeBytes: list.length,
    rangeCount: 1,
    ranges: list.subarray(0, 216),
  })
}

const gpadlBody: Maker = (random, know, frames) => {
  const ranges = new Uint8Array(8 * (1 + random.below(28)))
  const view = new DataView(ranges.buffer)
  for (let at = 0; at < ranges.length; at += 8) view.setUint32(at, frames.first + random.below(frames.count), true)
  return encode(layouts.gpadlBody, MessageId.gpadlBody, {
    gpadl: random.chance(80) ? know.nextGpadl - 1 : (random.any([...know.gpadls.keys()]) ?? 1),
    ranges,
  })
}

const openChannel: Maker = (random, know) => {
  const [ringGpadl, gpadl] = random.any([...know.gpadls]) ?? [1, { relid: relid(random, know), pfns: [] }]
  const on = random.chance(90) ? gpadl.relid : relid(random, know)
  know.open.add(on)
  const fields = {
    relid: on,
    openId: random.u32(),
    ringGpadl,
    targetVp: random.chance(85) ? 0 : random.pick([0xffff_ffff, 1, 7]),
    downstreamOffset: random.chance(90) ? 2 : random.below(12),
  }
  if ((know.features & 1) === 0) return encode(layouts.openChannel, MessageId.openChannel, fields)
  return encode(layouts.openChannelV6, MessageId.openChannel, {
    ...fields,
    connectionId: random.chance(80) ? 0x3000 + on : random.pick([1, 2, 4, 0x2001, 0xffff_ffff]),
    eventFlag: random.chance(90) ? on & 0x7ff : random.pick([0, 2048]),
  })
}

const teardown: Maker = (random, know) => {
  const [gpadl, { relid: on }] = random.any([...know.gpadls]) ?? [1, { relid: 1 }]
  if (random.chance(70)) know.gpadls.delete(gpadl)
  return encode(layouts.gpadlTeardown, MessageId.gpadlTeardown, { relid: on, gpadl })
}

const close: Maker = (random, know) => {
  const on = random.any([...know.open]) ?? relid(random, know)
  know.open.delete(on)
  return encode(layouts.closeChannel, MessageId.closeChannel, { relid: on })
}

const bare =
  (id: (typeof MessageId)[keyof typeof MessageId]): Maker =>
  () =>
    encode(layouts.bare, id, {})

const GUID = '11111111-2222-3333-4444-555555555555'
const tlConnect: Maker = (random) =>
  random.chance(50)
    ? encode(layouts.tlConnectRequest, MessageId.tlConnectRequest, { endpointId: GUID, serviceId: GUID })
    : encode(layouts.tlConnectRequestV52, MessageId.tlConnectRequest, {
        endpointId: GUID,
        serviceId: GUID,
        siloId: GUID,
      })

const reservedRelid = (random: Random): number => random.pick([2000, 2000, 2000, 1])
const openReserved: Maker = (random, know) => {
  const [ringGpadl] = random.any([...know.gpadls].filter(([, gpadl]) => gpadl.relid === 2000)) ?? [1]
  return encode(layouts.openReservedChannel, MessageId.openReservedChannel, {
    relid: reservedRelid(random),
    targetVp: 0,
    targetSint: random.chance(90) ? 2 : 17,
    ringGpadl,
    downstreamOffset: 2,
  })
}

/** Each kind of message with its weight in a connected session. */
const MAKERS: readonly (readonly [number, Maker])[] = [
  [3, contact],
  [4, bare(MessageId.requestOffers)],
  [14, gpadlHeader],
  [8, gpadlBody],
  [14, openChannel],
  [8, close],
  [8, teardown],
  [5, (random, know) => encode(layouts.relidReleased, MessageId.relidReleased, { relid: relid(random, know) })],
  [2, bare(MessageId.unload)],
  [3, openReserved],
  [
    3,
    (random) =>
      encode(layouts.closeReservedChannel, MessageId.closeReservedChannel, {
        relid: reservedRelid(random),
        targetVp: 0,
        targetSint: 2,
      }),
  ],
  [3, tlConnect],
  [
    5,
    (random, know) =>
      encode(layouts.modifyChannel, MessageId.modifyChannel, {
        relid: random.any([...know.open]) ?? relid(random, know),
        targetVp: random.below(3),
      }),
  ],
  [
    3,
    (random, _know, frames) =>
      encode(layouts.modifyConnection, MessageId.modifyConnection, {
        parentToChildMonitor: frames.monitors[0],
        childToParentMonitor: random.chance(80) ? frames.monitors[1] : 0,
      }),
  ],
  [1, bare(MessageId.pause)],
  [3, bare(MessageId.resume)],
]
const TOTAL = MAKERS.reduce((sum, [weight]) => sum + weight, 0)

/** A message that a guest may well send now. Without a connection mostly a contact, without channels mostly a request. */
export function guestMessage(random: Random, know: GuestKnowledge, frames: GuestFrames): Uint8Array {
  if (know.version === 0 && random.chance(70)) return contact(random, know, frames)
  if (know.relids.size <= 1 && random.chance(60)) return encode(layouts.bare, MessageId.requestOffers, {})
  let choice = random.below(TOTAL)
  for (const [weight, make] of MAKERS) {
    choice -= weight
    if (choice < 0) return make(random, know, frames)
  }
  return contact(random, know, frames)
}
