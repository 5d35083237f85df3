import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDisk, openDisk } from '@vmbus/disk/file'

const folder = mkdtempSync(join(tmpdir(), 'disk-'))
createDisk({ path: join(folder, 'base.vhdx'), format: 'vhdx', size: '1G' }).close()
createDisk({ path: join(folder, 'child.vhdx'), format: 'vhdx', parentPath: join(folder, 'base.vhdx') }).close()
const chain = openDisk(join(folder, 'child.vhdx'))
chain.close()
rmSync(folder, { recursive: true })
