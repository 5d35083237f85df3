import { afterEach, describe, expect, it } from 'vitest'
import { flattened, qemuAndOurLocks, qemuCases, qemuReplaysOurLog, qemuToUs, usToQemu } from './qemu.ts'
import { hasQemuImg, temporaryDirectory } from './support.ts'

const directories: { remove: () => void }[] = []
const path = (): ((name: string) => string) => {
  const directory = temporaryDirectory()
  directories.push(directory)
  return directory.path
}
afterEach(() => {
  for (const directory of directories.splice(0)) directory.remove()
})

const SIZES = [17 * 2 ** 20, 65 * 2 ** 20 + 512 * 8]

if (hasQemuImg) {
  describe.each(qemuCases)('$name and qemu-img', (each) => {
    it.each(SIZES)('theirs is read, changed, grown and found right (%i bytes)', (size) => qemuToUs(each, path(), size))
    it.each(SIZES)('ours is read, checked and converted (%i bytes)', (size) => usToQemu(each, path(), size))
  })
  describe('VHDX log and qemu-img', () => {
    it.each(SIZES)('they replay our log (%i bytes)', (size) => qemuReplaysOurLog(path(), size))
  })
  describe('locks and qemu', () => {
    it('each sees who writes, on Linux', async () => {
      expect(await qemuAndOurLocks(path())).toBe(process.platform === 'linux' ? 'seen' : 'not run')
    })
  })
  describe.each(['vhd', 'vhdx'] as const)('%s chains', (format) => {
    it('flattened equal what was written', () => flattened(format, path(), SIZES[0] as number))
  })
} else {
  process.stdout.write('qemu-img oracle: not run: no qemu-img\n')
  it('not run: no qemu-img', () => {
    expect(hasQemuImg).toBe(false)
  })
}
