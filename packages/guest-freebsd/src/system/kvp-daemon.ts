import { HResult } from '@vmbus/ic'
import { daemonAnswer, readDaemonRequest, type KvpItem, type PoolStore } from '@vmbus/kvp'
import { VALUE_BYTES, kvpValue, utf8z } from '@vmbus/kvp/protocol'
import type { NetInterfaces } from '../net/interfaces.ts'
import { readNodeIp, writeNodeIp } from '../services/kvp-messages.ts'

/** Where a message's body begins on the node. */
const BODY = 4

/** What hv_kvp_daemon has to answer from. */
export interface KvpSources {
  readonly pools: PoolStore
  readonly net: NetInterfaces
  /** The pool `auto`: made up at each request. */
  intrinsic(): readonly KvpItem[]
}

/** A daemon's answer to one message of the kernel (contrib/hyperv/tools/hv_kvp_daemon.c). */
export function kvpAnswer({ pools, net, intrinsic }: KvpSources, message: Uint8Array): Uint8Array {
  const request = readDaemonRequest(message)
  if (request === undefined) return daemonAnswer(message, HResult.fail)
  const { pool } = request
  const items = pool === 'auto' ? intrinsic() : pools.items(pool)
  switch (request.operation) {
    case 'set':
      return daemonAnswer(message, pools.put(pool, request.item))
    case 'delete':
      return daemonAnswer(message, pools.remove(pool, request.key))
    case 'get': {
      const found = items.find(({ key }) => key === request.key)
      const answer = daemonAnswer(message, found === undefined ? HResult.noMoreItems : 0)
      if (found !== undefined) answer.set(utf8z(found.value).subarray(0, VALUE_BYTES), BODY + kvpValue.offsets.value)
      return answer
    }
    case 'enumerate': {
      const found = items[request.index]
      return daemonAnswer(message, found === undefined ? HResult.noMoreItems : 0, found)
    }
    case 'getIp': {
      const { adapterId, family } = readNodeIp(message)
      const info = net.info(adapterId)
      const answer = daemonAnswer(message, info === undefined ? HResult.fail : 0)
      if (info !== undefined) writeNodeIp(answer, { ...info, adapterId, family })
      return answer
    }
    case 'setIp':
      return daemonAnswer(message, net.configure(readNodeIp(message)) ? 0 : HResult.fail)
  }
}
