import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AxeResults } from 'axe-core'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reportHtml } from '@vmbus/report'
import { exampleResults } from './example-results.ts'

// The page in Debian's Chromium, with a run of all 472 releases.

const DESKTOP = { width: 1440, height: 1000 }
const TABLET = { width: 1000, height: 800 }
const PHONE = { width: 390, height: 844 }
const VIEWS = ['#guest/rhel-7.9', '#host/ws2022', '#differences?cause=our-switch', '#sure'] as const
const CELL = '#guest/rhel-7.9?cell=rhel-7.9/ws2022/trim'

/** WCAG 2.2 to AA, and what axe calls good practice. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const folder = mkdtempSync(join(tmpdir(), 'vmbus-report-'))
const file = join(folder, 'report.html')
const address = pathToFileURL(file).href
let browser: Browser

beforeAll(async () => {
  writeFileSync(file, reportHtml(exampleResults(7)))
  const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim()
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
})

afterAll(async () => {
  await browser.close()
  rmSync(folder, { recursive: true })
})

/** Opens the page, uses it, and fails where the page said anything on its console or asked for anything but itself. */
async function opened(hash: string, viewport: typeof DESKTOP, use: (page: Page) => Promise<void>, dark = false) {
  const context = await browser.newContext({
    viewport,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  const told: string[] = []
  page.on('pageerror', (error) => told.push(error.message))
  page.on('console', (message) => told.push(message.text()))
  page.on('request', (request) => {
    if (!request.url().startsWith(address) && !request.url().startsWith('data:')) told.push(request.url())
  })
  await page.goto(address + hash)
  await page.waitForSelector('main h1')
  await use(page)
  await context.close()
  expect(told).toEqual([])
}

const hashOf = (page: Page) => page.evaluate<string>('location.hash')
const focused = (page: Page) => page.evaluate<string>('document.activeElement.getAttribute("aria-label") ?? ""')

describe('accessibility', () => {
  const looks = [DESKTOP, TABLET, PHONE].flatMap((viewport) => [false, true].map((dark) => ({ viewport, dark })))
  const cases = [...VIEWS, CELL].flatMap((hash) => looks.map((look) => ({ hash, width: look.viewport.width, ...look })))
  test.each(cases)('axe finds nothing in $hash at $width, dark: $dark', async ({ hash, viewport, dark }) => {
    await opened(
      hash,
      viewport,
      async (page) => {
        // Thousands of cells of a few kinds: two hundred rows less say the same in a tenth of the time.
        await page.evaluate(
          'document.querySelectorAll("table.host tbody tr:nth-child(n + 60)").forEach((row) => row.remove())',
        )
        // What a link scrolled half under the head is no small target.
        await page.evaluate('scrollTo(0, 0)')
        await page.evaluate(axe)
        const { violations } = await page.evaluate<AxeResults>(`axe.run({ runOnly: ${JSON.stringify(RULES)} })`)
        expect(violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html)])).toEqual([])
      },
      dark,
    )
  })

  test.each(VIEWS)('no view is wider than a phone: %s', async (hash) => {
    await opened(hash, PHONE, async (page) => {
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(PHONE.width)
    })
  })

  test('cells of a phone are at least 24 pixels on each side', async () => {
    for (const hash of ['#guest/rhel-7.9', '#guest/rhel-7.9?hosts=all', '#host/ws2022'])
      await opened(hash, PHONE, async (page) => {
        const sizes = await page.evaluate<number[]>(
          '[...document.querySelectorAll("tr:nth-child(-n + 9) > td.c")].flatMap((cell) => [cell.offsetWidth, cell.offsetHeight])',
        )
        expect(Math.min(...sizes)).toBeGreaterThanOrEqual(24)
      })
  })
})

describe('speed', () => {
  // A machine that runs other things as well is no fault of the page: what counts is what its main thread did until then.
  test.each([
    ['#guest/rhel-7.9', 17 * 30],
    ['#host/ws2022', 3000],
  ])('%s is painted with all its cells below a second', async (hash, cells) => {
    const page = await browser.newPage({ viewport: DESKTOP })
    const session = await page.context().newCDPSession(page)
    await session.send('Performance.enable', { timeDomain: 'threadTicks' })
    await page.goto(address + hash)
    await expect
      .poll(() => page.evaluate<number>('performance.getEntriesByName("first-contentful-paint").length'))
      .toBe(1)
    const { metrics } = await session.send('Performance.getMetrics')
    const seconds = metrics.find(({ name }) => name === 'ThreadTime')?.value ?? Number.NaN
    console.log(`${hash}: ${seconds.toFixed(2)} s of the main thread`)
    expect(await page.locator('.view td.c').count()).toBeGreaterThanOrEqual(cells)
    expect(seconds).toBeLessThan(1)
    await page.close()
  })
})

describe('by keyboard alone', () => {
  test('search leads straight to a cell', async () => {
    await opened('', DESKTOP, async (page) => {
      await page.keyboard.press('/')
      await page.keyboard.type('rhel 7.7 ws2019 trim')
      const hit = page.locator('#hits [role=option]').first()
      expect(await hit.textContent()).toMatch(/^RHEL 7\.7 on Windows Server 2019: TRIM/)
      expect(await page.locator('#search').getAttribute('aria-activedescendant')).toBe('hit-0')
      await page.keyboard.press('ArrowDown')
      expect(await page.locator('#search').getAttribute('aria-activedescendant')).toBe('hit-1')
      await page.keyboard.press('ArrowUp')
      await page.keyboard.press('Enter')
      expect(await hashOf(page)).toBe('#guest/rhel-7.7?host=ws2019&cell=rhel-7.7/ws2019/trim')
      expect(await page.locator('#story').textContent()).toMatch(/^TRIM: /)
    })
  })

  test('arrows walk the grid, Enter opens a story, Escape goes back to the cell', async () => {
    await opened('#guest/rhel-7.9', DESKTOP, async (page) => {
      await page.locator('.view td.c[tabindex]').focus()
      expect(await focused(page)).toMatch(/^Core devices, RHEL 7\.9 on Windows Server 2008 SP2: /)
      for (const key of ['ArrowDown', 'End', 'ArrowLeft']) await page.keyboard.press(key)
      expect(await focused(page)).toMatch(/^Accurate time, RHEL 7\.9 on Windows 10 \/ Server 2004/)
      expect(await page.locator('.view td.c[tabindex]').count()).toBe(1)
      await page.keyboard.press('Enter')
      expect(await page.locator('#story').textContent()).toMatch(/^Accurate time: /)
      expect(await focused(page)).toMatch(/^Accurate time, /)
      await page.keyboard.press('Escape')
      expect(await page.locator('#story').count()).toBe(0)
      expect(await focused(page)).toMatch(/^Accurate time, RHEL 7\.9 on Windows 10 \/ Server 2004/)
      await page.keyboard.press('Control+End')
      expect(await focused(page)).toMatch(/^Secure boot, RHEL 7\.9 on Windows 11 22H2/)
    })
  })

  test('digits change the view, letters step through differences and copy the command', async () => {
    await opened('#guest/rhel-7.9', DESKTOP, async (page) => {
      for (const [key, hash] of [
        ['4', '#sure'],
        ['3', '#differences'],
        ['2', '#host'],
        ['1', '#guest'],
      ] as const) {
        await page.keyboard.press(key)
        expect(await hashOf(page)).toBe(hash)
      }
      const differing = await page.locator('.view td.v-differs').count()
      const seen = new Set<string>()
      for (let at = 0; at < differing; at++) {
        await page.keyboard.press('n')
        seen.add(await hashOf(page))
      }
      expect(seen.size).toBe(differing)
      const last = await hashOf(page)
      await page.keyboard.press('p')
      expect([...seen].at(-2)).toBe(await hashOf(page))
      await page.keyboard.press('n')
      expect(await hashOf(page)).toBe(last)
      await page.keyboard.press('c')
      await page.getByText('Copied').waitFor()
      expect(await page.evaluate<string>('navigator.clipboard.readText()')).toMatch(
        /^vmbus replay rhel-7\.9\/\S+ --seed 7$/,
      )
    })
  })

  test('letters do nothing while somebody types', async () => {
    await opened('#guest/rhel-7.9', DESKTOP, async (page) => {
      await page.locator('#search').focus()
      await page.keyboard.type('1234npc')
      expect(await hashOf(page)).toBe('#guest/rhel-7.9')
    })
  })

  test('Tab enters by the link past the head, and stops once at the grid', async () => {
    await opened('#guest/rhel-7.9', DESKTOP, async (page) => {
      await page.keyboard.press('Tab')
      expect(await page.evaluate<string>('document.activeElement.className')).toBe('skip')
      await page.keyboard.press('Enter')
      expect(await page.evaluate<string>('document.activeElement.id')).toBe('main')
      expect(await hashOf(page)).toBe('#guest/rhel-7.9')
    })
  })
})

describe('links', () => {
  test.each([
    '#guest/rhel-6.10-lis-4.3?host=ws2016&cell=rhel-6.10-lis-4.3/ws2016/vrss',
    '#host/ws2012r2?cell=debian-12/ws2012r2/kvp&family=debian&group=Storage&all=1',
    '#differences?kind=our-bug&cause=our-switch',
    '#sure?theme=dark',
  ])('%s opens the same view twice', async (hash) => {
    const texts: (string | null)[] = []
    for (let time = 0; time < 2; time++)
      await opened(hash, DESKTOP, async (page) => {
        texts.push(await page.locator('main').textContent())
        expect(await hashOf(page)).toBe(hash)
      })
    expect(texts[1]).toBe(texts[0])
  })

  test('every click writes the address, and Back goes where it came from', async () => {
    await opened('#guest/rhel-7.9', DESKTOP, async (page) => {
      await page.getByRole('button', { name: /^Windows Server 2016: / }).click()
      expect(await hashOf(page)).toBe('#guest/rhel-7.9?host=ws2016')
      await page.locator('.view td.c').nth(20).click()
      expect(await hashOf(page)).toContain('cell=rhel-7.9/')
      await page.goBack()
      expect(await page.locator('#story').count()).toBe(0)
      await page.goBack()
      expect(await hashOf(page)).toBe('#guest/rhel-7.9')
    })
  })

  test('the theme replaces the address, and needs no storage', async () => {
    await opened('#sure', DESKTOP, async (page) => {
      await page.getByRole('button', { name: 'Dark colours' }).click()
      expect(await hashOf(page)).toBe('#sure?theme=dark')
      expect(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')).toBe('rgb(17, 20, 24)')
      await page.keyboard.press('1')
      expect(await hashOf(page)).toBe('#guest?theme=dark')
    })
  })
})

describe('an open story', () => {
  test.each([
    ['tablet', TABLET, '#guest/rhel-7.9?cell=rhel-7.9/win11-22h2/kvp'],
    ['phone', PHONE, '#guest/rhel-7.9?cell=rhel-7.9/ws2025/secure-boot'],
  ])('leaves its cell in view: %s', async (_name, viewport, hash) => {
    await opened(hash, viewport, async (page) => {
      // The element in the middle of the open cell is the cell: nothing lies over it. The page scrolls after it is drawn.
      await expect
        .poll(() =>
          page.evaluate<boolean>(`(() => {
            const cell = document.querySelector('.view td[aria-selected]')
            const { left, top, width, height } = cell.getBoundingClientRect()
            return document.elementFromPoint(left + width / 2, top + height / 2) === cell
          })()`),
        )
        .toBe(true)
    })
  })
})

describe('what crossed the bus', () => {
  test('is a list of who said what, drawn from line to line', async () => {
    await opened(CELL, DESKTOP, async (page) => {
      const steps = page.locator('.story ol.seq > li')
      // The example's executions that do not work end after five messages; the others have 24, and say what is left out.
      const count = await steps.count()
      expect([6, 25]).toContain(count)
      expect(await steps.nth(0).textContent()).toMatch(/^guest: INITIATE_CONTACT 5\.3.*bytes?, 2\.770000 s$/)
      expect(await steps.nth(1).textContent()).toMatch(/^host: VERSION_RESPONSE supported, state 0/)
      const boxes = await page.evaluate<{ list: number; says: number[] }>(`(() => ({
        list: document.querySelector('.seq').getBoundingClientRect().width,
        says: [...document.querySelectorAll('.seq .says')].map((one) => one.getBoundingClientRect().width),
      }))()`)
      // An arrow reaches from the one line of life to the other: 15 px from each edge.
      for (const width of boxes.says) expect(width).toBeCloseTo(boxes.list - 30, 0)
    })
  })

  test('fits a phone', async () => {
    await opened(CELL, PHONE, async (page) => {
      expect(
        await page.evaluate<boolean>(`(() => {
        const list = document.querySelector('.seq')
        return list.scrollWidth <= list.clientWidth
      })()`),
      ).toBe(true)
    })
  })
})

describe('paper', () => {
  test.each([
    // The grid on one, the legend after it.
    ['#guest/rhel-7.9', 2, 17],
    ['#host/ws2022?sup=1', 12, 30],
  ])('%s prints on at most %i pages', async (hash, most, columns) => {
    await opened(hash, DESKTOP, async (page) => {
      const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true })
      const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0
      expect(pages).toBeGreaterThan(0)
      // Paper is as narrow as a tablet or a phone, and still has every column.
      await page.emulateMedia({ media: 'print' })
      await page.setViewportSize({ width: 720, height: 1000 })
      expect(await page.locator('tr[data-row="0"] > td.c').count()).toBe(columns)
      expect(pages).toBeLessThanOrEqual(most)
    })
  })
})
