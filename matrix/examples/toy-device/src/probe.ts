import { arrive, byGuest, fails, fc, works, type Probe, type Stage } from '@vmbus/matrix/config'
import { echoDevice } from './device.ts'

const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 64, size: 'max' }), {
  minLength: 1,
  maxLength: 4,
  size: 'max',
})

/** Every message comes back as it was sent. */
async function echoed(stage: Stage, list: readonly Uint8Array[]): Promise<boolean | string> {
  const host = stage.device(echoDevice)
  for (const bytes of list) {
    const id = host.send(bytes)
    if (id === undefined) return 'a message is not taken'
    await stage.until(() => host.answerTo(id) !== undefined, 1)
    if (host.answerTo(id)?.join() !== bytes.join()) return 'a message comes back otherwise'
  }
  return true
}

export const echoProbe: Probe = {
  id: 'toy.echo',
  feature: 'toy.echo',
  version: 1,
  world: 'services',
  devices: ['toy.echo'],
  reads: {
    linux: ['vmbus', 'toy.echo'],
    freebsd: ['vmbus', 'toy.echo'],
    windows: ['vmbus', 'toy.echo'],
    host: ['vmbus', 'toy.echo'],
  },
  bytes: ['toy.echo'],
  control: { 'toy.echo': undefined },
  async measure(stage) {
    const found = await arrive(stage, 'toy.echo')
    if (found !== undefined) return found
    if (!(await stage.until(() => stage.device(echoDevice).version > 0, 1)))
      return fails('guest and host have no version of it in common', byGuest('toy.echo'))
    const end = await stage.property('echoed', messages, (list) => echoed(stage, list))
    return end.held ? works : fails(end.reason, byGuest('toy.echo'))
  },
}
