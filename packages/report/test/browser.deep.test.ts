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
import { REFERENCE_PAGE, REFERENCE_SECONDS } from './reference-page.ts'

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
const referenceFile = join(folder, 'reference.html')
const reference = pathToFileURL(referenceFile).href
let browser: Browser

beforeAll(async () => {
  writeFileSync(file, reportHtml(exampleResults(7)))
  writeFileSync(referenceFile, REFERENCE_PAGE)
  browser = await launched()
})

function launched(...options: readonly string[]) {
  const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim()
  return chromium.launch({ executablePath, args: ['--no-sandbox', ...options] })
}

afterAll(async () => {
  await browser.close()
  rmSync(folder, { recursive: true })
})

/** Opens a page, and notes what it says on its console and what it asks for but itself. */
async function open(viewport: typeof DESKTOP) {
  const context = await browser.newContext({
    viewport,
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
  return {
    page,
    /** Fails where the page said anything or asked for anything. */
    async close() {
      await context.close()
      expect(told).toEqual([])
    },
  }
}

/** Opens the page and uses it. */
async function opened(hash: string, viewport: typeof DESKTOP, use: (page: Page) => Promise<void>) {
  const { page, close } = await open(viewport)
  await page.goto(address + hash)
  await page.waitForSelector('main h1')
  await use(page)
  await close()
}

interface Painted {
  /** Of the main thread, until the first paint. */
  readonly seconds: number
  readonly cells: number
}

async function painted(url: string): Promise<Painted> {
  const page = await browser.newPage({ viewport: DESKTOP })
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  await page.goto(url)
  await expect
    .poll(() => page.evaluate<number>('performance.getEntriesByName("first-contentful-paint").length'))
    .toBe(1)
  const { metrics } = await session.send('Performance.getMetrics')
  const cells = await page.locator('.view td.c').count()
  await page.close()
  return { seconds: metrics.find(({ name }) => name === 'ThreadTime')?.value ?? Number.NaN, cells }
}

const hashOf = (page: Page) => page.evaluate<string>('location.hash')
const focused = (page: Page) => page.evaluate<string>('document.activeElement.getAttribute("aria-label") ?? ""')

describe.each([DESKTOP, TABLET, PHONE])('accessibility at $width', (viewport) => {
  let page: Page
  let close: () => Promise<void>

  beforeAll(async () => {
    ;({ page, close } = await open(viewport))
    await page.goto(address)
    await page.evaluate(axe)
  })

  afterAll(() => close())

  /** Follows a link, by way of another view: what was drawn before is drawn again. */
  async function follow(hash: string) {
    for (const one of ['#differences', '#sure', hash]) {
      await page.goto(address + one)
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
    }
    expect(await hashOf(page)).toBe(hash)
  }

  async function violations(rules: string) {
    // Of what is right no more than one element each: lists of thousands would be written down and thrown away.
    const found = await page.evaluate<AxeResults['violations']>(
      `axe.run({ runOnly: ${rules}, resultTypes: ['violations'] }).then(({ violations }) => violations)`,
    )
    return found.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html)])
  }

  test.each([...VIEWS, CELL])('axe finds nothing in %s, light or dark', async (hash) => {
    await page.emulateMedia({ colorScheme: 'light' })
    await follow(hash)
    // Thousands of cells of some fifty kinds: the rows that show each kind first say the same in a tenth of the time.
    await page.evaluate(`(() => {
      const seen = new Set()
      for (const row of document.querySelectorAll('table.host tr[data-row]')) {
        const kinds = [...row.querySelectorAll('td.c')].map(({ className }) => className)
        if (kinds.every((kind) => seen.has(kind))) row.remove()
        for (const kind of kinds) seen.add(kind)
      }
    })()`)
    // What a link scrolled half under the head is no small target.
    await page.evaluate('scrollTo(0, 0)')
    const rules = JSON.stringify(RULES)
    expect(await violations(rules)).toEqual([])
    // The same elements in other colours.
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(
      await violations(
        `axe.getRules(${rules}).filter(({ tags }) => tags.includes('cat.color')).map(({ ruleId }) => ruleId)`,
      ),
    ).toEqual([])
  })

  test.each(viewport === PHONE ? VIEWS : [])('no view is wider than a phone: %s', async (hash) => {
    await follow(hash)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(PHONE.width)
  })

  test.each(viewport === PHONE ? ['#guest/rhel-7.9', '#guest/rhel-7.9?hosts=all', '#host/ws2022'] : [])(
    'cells of a phone are at least 24 pixels on each side: %s',
    async (hash) => {
      await follow(hash)
      const sizes = await page.evaluate<number[]>(
        '[...document.querySelectorAll("tr:nth-child(-n + 9) > td.c")].flatMap((cell) => [cell.offsetWidth, cell.offsetHeight])',
      )
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(24)
    },
  )
})

test('a screen reader is told of all cells, painted or not', async () => {
  // Chromium leaves out what it does not lay out unless one asks, as this option does.
  const asked = await launched('--force-renderer-accessibility')
  const page = await asked.newPage({ viewport: DESKTOP })
  await page.goto(`${address}#host/ws2022`)
  const session = await page.context().newCDPSession(page)
  const cells = await page.locator('.view td.c').count()
  await expect
    .poll(async () => {
      const { nodes } = await session.send('Accessibility.getFullAXTree')
      return nodes.filter(({ role, name }) => role?.value === 'gridcell' && String(name?.value).includes('Evidence: '))
        .length
    })
    .toBe(cells)
  await asked.close()
})

describe('speed', () => {
  // What the main thread does until the first paint: a machine that runs other things as well is no fault of the page. Nor is
  // one that is slow, on which the reference page takes longer in the same measure: seconds are those of a machine on which that
  // takes what its file says. There the views take 0.27 and 0.45 s, and 0.24 to 0.31 and 0.40 to 0.50 beside sixteen others on
  // two cores; limits are as much above that, as below what a page of twice that takes, and both below the second.
  test.each([
    ['#guest/rhel-7.9', 17 * 30, 0.4],
    ['#host/ws2022', 3000, 0.65],
  ])('%s is painted with all its cells below a second', async (hash, cells, limit) => {
    const times: { readonly view: Painted; readonly reference: Painted }[] = []
    for (let time = 0; time < 3; time++)
      times.push({ reference: await painted(reference), view: await painted(address + hash) })
    const mean = (of: 'view' | 'reference') => times.reduce((sum, one) => sum + one[of].seconds, 0) / times.length
    const seconds = (mean('view') * REFERENCE_SECONDS) / mean('reference')
    console.log(
      `${hash}: ${mean('view').toFixed(2)} s of the main thread, the reference page ${mean('reference').toFixed(2)} s: ${seconds.toFixed(2)} s`,
    )
    for (const { view } of times) expect(view.cells).toBeGreaterThanOrEqual(cells)
    expect(seconds).toBeLessThan(limit)
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
