import { appendFileSync, closeSync, openSync, rmSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import type { HostFactory } from '../../src/index.ts'

export interface TrackedOptions {
  /** Where it writes what becomes of it, a word a line. */
  readonly log: string
  /** A file that only one may have, as an image has. */
  readonly image: string
  /** Part of what a booting guest can change of it. */
  readonly shape?: string
  /** EAX of CPUID leaf 0x40000003. */
  readonly privileges?: number
  readonly closeFails?: boolean
}

/** A host that holds an image file, and emits `made` at once. */
export const host: HostFactory = (machine, options) => {
  const { log, image, shape = 'a', privileges = 1, closeFails = false } = options as TrackedOptions
  const tell = (word: string): void => appendFileSync(log, `${word}\n`)
  const file = openSync(image, 'wx')
  tell('made')
  machine.connect({
    cpuid(_vp, leaf, _subleaf, out) {
      if (leaf !== 0x4000_0003) return false
      out.eax = privileges
      return true
    },
    rdmsr: () => false,
    wrmsr: () => false,
    hypercall: () => 0,
  })
  machine.emit('made')
  let isOpen = true
  return {
    call(name, argument) {
      if (name === 'function') return () => argument
      if (name === 'emit') return machine.emit('function', () => argument)
      if (name === 'thread') return threadId
      if (name === 'coded') throw Object.assign(new RangeError('no such thing'), { code: 'VMBUS_TEST' })
      if (name === 'throw') throw new TypeError('a defect', { cause: new Error('the cause') })
      return argument
    },
    booted: {
      save: () => ({ shape }),
      restore: () => tell('restored'),
    },
    result: () => ({ isOpen }),
    close() {
      isOpen = false
      closeSync(file)
      rmSync(image)
      tell('closed')
      if (closeFails) throw Object.assign(new Error('the disk is full'), { code: 'VMBUS_TEST_FULL' })
    },
  }
}

export const coded: HostFactory = () => {
  throw Object.assign(new Error('the image is locked'), { name: 'DiskError', code: 'VMBUS_DISK_LOCKED' })
}

export const uncoded: HostFactory = () => {
  throw new RangeError('no such profile')
}
