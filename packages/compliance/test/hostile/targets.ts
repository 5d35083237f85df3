import { balloonTarget } from './balloon.ts'
import { fcopyTarget } from './fcopy.ts'
import { heartbeatTarget } from './heartbeat.ts'
import { kvpTarget } from './kvp.ts'
import { netvscTarget } from './netvsc.ts'
import { shutdownTarget } from './shutdown.ts'
import { storvscTarget } from './storvsc.ts'
import { timesyncTarget } from './timesync.ts'
import { vssTarget } from './vss.ts'
import type { JudgedTarget } from './target.ts'

export const targets: readonly JudgedTarget[] = [
  balloonTarget,
  kvpTarget,
  vssTarget,
  fcopyTarget,
  storvscTarget,
  netvscTarget,
  heartbeatTarget,
  timesyncTarget,
  shutdownTarget,
]
