import { fcopy, type CopyRequest } from '@vmbus/fcopy'
import { bytes, list, pair, restoreState, stateForm, text } from '@vmbus/world'
import type { RealDeviceFactory } from './device.ts'

const STATE = stateForm<{ files: [string, Uint8Array][] }>('matrix-fcopy', 1, { files: list(pair(text, bytes())) })

/** Files are bytes, put in with the action `file`. */
export const realFcopy: RealDeviceFactory = (host) => {
  const files = new Map<string, Uint8Array>()
  const handle = host.offer(
    fcopy({
      source: {
        read(source, offset, into) {
          const bytes = files.get(source)?.subarray(offset, offset + into.length)
          if (bytes?.length !== into.length) return false
          into.set(bytes)
          return true
        },
      },
    }),
  )
  return (
    handle && {
      actions: {
        file: (file) => {
          const { source, bytes } = file as { source: string; bytes: Uint8Array }
          files.set(source, bytes)
        },
        copy: (request) => handle.device.copy(request as CopyRequest),
        cancel: () => handle.device.cancel(),
        inspect: () => handle.device.inspect(),
      },
      result: () => handle.device.inspect(),
      save: () => ({ ...STATE.head, files: [...files] }),
      checkState: (state) => void restoreState(state, STATE),
      restore(state) {
        files.clear()
        for (const [source, contents] of restoreState(state, STATE).files) files.set(source, contents)
      },
    }
  )
}
