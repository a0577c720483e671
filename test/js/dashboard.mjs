// Watches a daemon on its dashboard, as a person would: node dashboard.mjs PAGE-URL [KEY]
// With a KEY the page has to ask for it. SCREENSHOTS in the environment names a directory for pictures.
import { launch } from './launch.mjs'
import { report } from './lines.mjs'

const [url, key] = process.argv.slice(2)
const browser = await launch()
const context = await browser.newContext({ ignoreHTTPSErrors: true })
const page = await context.newPage()
page.on('pageerror', (err) => report({ kind: 'failure', data: String(err) }))
page.on('console', (m) => { if (m.type() === 'error' && !/ 401 |'Trusted|Content Security Policy/.test(m.text())) report({ kind: 'failure', data: m.text() }) })
page.on('request', (r) => { if (new URL(r.url()).origin !== new URL(url).origin && !r.url().startsWith('data:')) report({ kind: 'failure', data: 'it asks ' + r.url() }) })
const state = (name) => page.waitForSelector(`#state[data-state=${name}]`)
const texts = (selector) => page.$$eval(selector, (list) => list.map((e) => e.textContent))
await page.goto(url)

if (key) {
  await state('refused')
  const asked = await page.evaluate(() => document.activeElement.id)
  const before = await page.innerText('body')
  await page.keyboard.type('not-the-key-of-this-daemon')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#problem:not([hidden])')
  await page.fill('#key', key)
  await page.keyboard.press('Enter')
  await state('live')
  await page.waitForFunction(() => document.querySelectorAll('#limit-rows tr').length > 3)
  await page.reload()
  await state('live')
  const other = await context.newPage() // a tab of its own has to ask again
  await other.goto(url)
  await other.waitForSelector('#state[data-state=refused]')
  report({
    kind: 'key', asked, before, isShown: (await page.content()).includes(key), cookies: (await context.cookies()).length,
    kept: await page.evaluate(() => localStorage.length),
  })
  await browser.close()
  process.exit(0)
}

await state('live')
report({ kind: 'live' })

// Figures move while others publish.
const tile = (name) => page.$$eval('#figures > div', (list, name) => list.find((e) => e.children[0].textContent === name)?.textContent, name)
await page.waitForFunction(() => /Delivered[1-9].*[1-9]/.test([...document.querySelectorAll('#figures > div')].map((e) => e.textContent).join('\n')))
const first = await tile('Delivered')
await page.waitForFunction((first) => [...document.querySelectorAll('#figures > div')].some((e) => e.textContent.startsWith('Delivered') && e.textContent !== first), first)
report({ kind: 'moved', data: await tile('Delivered'), plots: await page.$$eval('#plot-list svg', (list) => list.map((e) => e.getAttribute('aria-label'))), line: await page.getAttribute('#plot-list .line', 'd') })

// What others have named is text.
await page.waitForSelector('#client-rows tr:nth-child(2)')
report({
  kind: 'lists', rooms: await texts('#room-rows td:first-child'), agents: await texts('#client-rows td:last-child'), ids: await texts('#client-rows td:first-child'),
  limits: await texts('#limit-rows td:first-child'), certificates: await texts('#certificate-rows td:first-child'), events: await texts('#events .message'),
  markup: await page.$$eval('td b, td img, td script, td a, li b, li img, li script', (list) => list.length),
  pwned: await page.evaluate(() => globalThis.pwned ?? false),
  title: await page.title(), cluster: await page.isVisible('#cluster-section, #cluster-link'),
})
report({
  kind: 'policy',
  trusted: await page.evaluate(() => { try { document.body.innerHTML = '<b>x</b>'; return 'written' } catch (err) { return err.name } }),
  inline: await page.evaluate(() => {
    const script = document.createElement('script')
    try { script.textContent = 'globalThis.pwned = true'; document.body.append(script) } catch (err) { return err.name }
    return globalThis.pwned ? 'run' : 'refused'
  }),
})

// By keyboard alone: skip to the figures, then go through everything that can be used.
await page.reload()
await state('live')
await page.keyboard.press('Tab')
const skip = await page.evaluate(() => document.activeElement.className)
await page.keyboard.press('Enter')
const main = await page.evaluate(() => document.activeElement.id)
const reached = []
for (let i = 0; i < 60; i++) {
  await page.keyboard.press('Tab')
  const at = await page.evaluate(() => document.activeElement.id)
  if (at) reached.push(at)
}
await page.focus('#client-field')
await page.keyboard.press('Tab')
await page.keyboard.type('room<b>7')
await page.keyboard.press('Enter')
await page.waitForFunction(() => document.querySelectorAll('#client-rows tr').length === 1)
const found = await texts('#client-rows td:first-child')
await page.focus('#room-prefix')
await page.keyboard.type('page')
await page.selectOption('#room-sort', 'name')
await page.waitForFunction(() => document.querySelector('#room-rows td')?.textContent === 'page00')
const begin = await texts('#room-rows td:first-child')
await page.focus('#room-next')
await page.keyboard.press('Enter')
await page.waitForFunction(() => document.querySelector('#room-rows td')?.textContent === 'page20')
report({ kind: 'keyboard', skip, main, reached, found, begin, end: await texts('#room-rows td:first-child') })

// What a screen reader is told: everything that can be used, and every picture, has a name.
const session = await context.newCDPSession(page)
const { nodes } = await session.send('Accessibility.getFullAXTree')
const named = ['textbox', 'combobox', 'button', 'link', 'image', 'img', 'heading', 'meter', 'region', 'navigation', 'search', 'columnheader']
const shown = nodes.filter((n) => !n.ignored && named.includes(n.role?.value))
report({
  kind: 'names', roles: [...new Set(shown.map((n) => n.role.value))], unnamed: shown.filter((n) => !n.name?.value).map((n) => n.role.value),
  landmarks: nodes.filter((n) => ['main', 'banner', 'navigation', 'status'].includes(n.role?.value)).map((n) => n.role.value),
  lang: await page.getAttribute('html', 'lang'), headings: await texts('h1, h2'),
})

// Phone and desktop, light and dark: nothing is wider than the screen.
for (const colorScheme of ['light', 'dark']) {
  for (const [name, viewport] of [['phone', { width: 390, height: 844 }], ['desktop', { width: 1280, height: 900 }]]) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(viewport)
    const [wide, ground] = await page.evaluate(() => [document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor])
    report({ kind: 'screen', data: `${name} ${colorScheme}`, wide, width: viewport.width, ground })
    if (process.env.SCREENSHOTS) {
      await page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' }))
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${colorScheme}.png`, fullPage: true })
    }
  }
}
report({ kind: 'end' })
await browser.close()
process.exit(0)
