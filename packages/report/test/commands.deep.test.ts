import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { afterAll, expect, test } from 'vitest'

// A page of a real run, and the commands that it prints, run as somebody would who copied them.

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'vmbus-commands-'))
afterAll(() => rmSync(folder, { recursive: true }))

const vmbus = async (words: readonly string[]): Promise<string> => {
  const argv = ['--import', 'tsx', '-C', '@vmbus/source', join(root, 'matrix/src/cli.ts'), ...words]
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') }
  return (await promisify(execFile)(process.execPath, argv, { cwd: root, env })).stdout
}

test('the command of a story measures what its page shows', async () => {
  const html = join(folder, 'page.html')
  const asked = ['--release', 'rhel 6.4,rhel 7.8 + lis 4.3,debian 12', '--host', 'ws2008r2,ws2022', '--seed', '3']
  await vmbus(['matrix', ...asked, '--feature', 'trim,kvp,video', '--runs', '3', '--quiet', '--html', html])
  const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim()
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    for (const [cell, comesOut] of [
      ['rhel-6.4/ws2022/trim', 'fails'],
      ['rhel-7.8-lis-4.3/ws2022/kvp', 'works'],
      ['debian-12/ws2008r2/trim', 'fails'],
      ['debian-12/ws2022/video', undefined],
    ] as const) {
      const [release] = cell.split('/')
      await page.goto(`${pathToFileURL(html).href}#guest/${release}?cell=${cell}`)
      await page.waitForSelector('.story .cmd code')
      const command = (await page.locator('.story .cmd code').textContent()) ?? ''
      expect(command).toBe(`vmbus replay ${cell} --seed 3 --runs 3`)
      const out = await vmbus(command.split(' ').slice(1))
      if (comesOut === undefined) {
        expect(out).toContain('was not measured')
        continue
      }
      expect(out).toContain(`Probe ${cell.split('/')[2]}: ${comesOut}`)
      const digest = (await page.locator('.story .foot .basis code').textContent()) ?? 'none'
      expect(out).toContain(`transcript ${digest}`)
    }
  } finally {
    await browser.close()
  }
})
