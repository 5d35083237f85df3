import type { GuestGeneration, SystemService } from '@vmbus/core'
import { linux } from '@vmbus/guest-linux'
import { ws2022 } from '@vmbus/host'
import { describe, expect, test } from 'vitest'
import { simulate, type WorldGuest } from '../src/index.ts'

interface Notes extends SystemService {
  readonly lines: readonly string[]
  write(line: string): void
}

function notes(): Notes {
  let lines: string[] = []
  return {
    get lines() {
      return lines
    },
    write: (line) => void lines.push(line),
    save: () => [...lines],
    restore(state) {
      lines = [...(state as string[])]
    },
  }
}

/** Linux, with notes that its drivers and its surface share. */
const generation: GuestGeneration<Notes> = {
  ...linux('6.1'),
  drivers(services) {
    services.service('notes', notes).write(`drivers of a guest of ${services.ramPages} pages`)
    return linux('6.1').drivers(services)
  },
  surface(_bus, services) {
    const shared = services.service('notes', notes)
    shared.write('surface')
    return shared
  },
}

const started = (): { readonly world: ReturnType<typeof simulate>; readonly guest: WorldGuest<Notes> } => {
  const world = simulate({ seed: 1 })
  const guest = world.guest(generation, { memoryMB: 8 })
  guest.attach(world.host(ws2022))
  return { world, guest }
}

const BEGINNING = ['drivers of a guest of 2048 pages', 'surface']

describe('a service of a system', () => {
  test('is one and the same for all who ask by its name, and is made anew in each life', async () => {
    const { world, guest } = started()
    guest.surface.write('one')
    expect(guest.surface.lines).toEqual([...BEGINNING, 'one'])
    const other = world.guest(generation, { memoryMB: 8 })
    other.attach(world.host(ws2022))
    expect(other.surface.lines).toEqual(BEGINNING)
    await guest.until('running')
    expect(guest.surface.lines).toEqual([...BEGINNING, 'one'])
  })

  test('is saved with its guest, whatever was written since', () => {
    const { world, guest } = started()
    guest.surface.write('before')
    const saved = world.save()
    guest.surface.write('after')
    world.restore(saved)
    expect(guest.surface.lines).toEqual([...BEGINNING, 'before'])
    const again = started()
    again.world.restore(saved)
    expect(again.guest.surface.lines).toEqual([...BEGINNING, 'before'])
  })
})
