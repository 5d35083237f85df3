import { expect, it } from 'vitest'
import { qemuCases, qemuReplaysOurLog, qemuToUs, usToQemu } from './qemu.ts'
import { hasQemuImg, temporaryDirectory } from './support.ts'

const SIZE = 9 * 2 ** 20

if (hasQemuImg) {
  const inDirectory = (test: (path: (name: string) => string) => void): void => {
    const directory = temporaryDirectory()
    try {
      test(directory.path)
    } finally {
      directory.remove()
    }
  }
  const dynamic = qemuCases.filter(({ name }) => name.endsWith('dynamic'))
  it.each(dynamic)('qemu-img makes a $name, and finds it right after our changes', (each) =>
    inDirectory((path) => qemuToUs(each, path, SIZE)),
  )
  it.each(dynamic)('qemu-img reads our $name', (each) => inDirectory((path) => usToQemu(each, path, SIZE)))
  it('qemu-img replays our log', () => inDirectory((path) => qemuReplaysOurLog(path, SIZE)))
} else {
  process.stdout.write('qemu-img oracle: not run: no qemu-img\n')
  it('not run: no qemu-img', () => {
    expect(hasQemuImg).toBe(false)
  })
}
