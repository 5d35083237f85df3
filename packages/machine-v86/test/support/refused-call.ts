import { boot } from '../../src/index.ts'
import { tinyGuest } from './tiny-guest.ts'

/** Asks for a call that cannot be made, and forgets the guest: the process must end all the same. */
const guest = await boot({ image: tinyGuest(), memoryMB: 32, snapshots: false })
await guest
  .call('x', () => 0)
  .catch((error: unknown) => {
    process.stdout.write(`${(error as { readonly code: string }).code}\n`)
  })
