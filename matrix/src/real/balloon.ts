import { balloon, type BalloonHostOptions, type PageRun } from '@vmbus/balloon'
import type { RealDeviceFactory } from './device.ts'

export const realBalloon: RealDeviceFactory = (host, options) => {
  const handle = host.offer(balloon(options as BalloonHostOptions))
  return (
    handle && {
      actions: {
        balloon: (pages) => handle.device.balloon(pages as number),
        unballoon: (pages) => handle.device.unballoon(pages as number),
        hotAdd: (run) => handle.device.hotAdd(run as PageRun),
        inspect: () => handle.device.inspect(),
      },
      result: () => handle.device.inspect(),
    }
  )
}
