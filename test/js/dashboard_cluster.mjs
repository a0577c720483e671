// Watches a node of a cluster on its dashboard: node dashboard_cluster.mjs PAGE-URL NODES
// Reports once so many nodes are shown and a message was published, and again when the log is out of reach.
import { launch } from './launch.mjs'
import { report } from './lines.mjs'

const [url, nodes] = process.argv.slice(2)
const browser = await launch()
const page = await browser.newPage()
page.on('pageerror', (err) => report({ kind: 'failure', data: String(err) }))
page.on('console', (m) => { if (m.type() === 'error') report({ kind: 'failure', data: m.text() }) })
const shown = async (kind) => report({
  kind,
  isShown: await page.isVisible('#cluster-section'),
  name: await page.textContent('#cluster-name'),
  rows: await page.$$eval('#node-rows tr', (list) => list.map((row) => [...row.children].map((cell) => cell.textContent).join(' | '))),
  tiles: await page.$$eval('#cluster-figures > div', (list) => list.map((tile) => [...tile.children].map((part) => part.textContent).join(' | '))),
  markup: await page.$$eval('td b, td img, td script, dd b, dd img', (list) => list.length),
  pwned: await page.evaluate(() => globalThis.pwned ?? false),
})
await page.goto(url)
await page.waitForSelector('#state[data-state=live]')
await page.locator('#cluster').scrollIntoViewIfNeeded()
await page.waitForFunction((n) => document.querySelectorAll('#node-rows tr').length === n, Number(nodes))
await page.waitForFunction(() => / ms/.test(document.querySelector('#cluster-figures > div:nth-child(5) > dd')?.textContent))
await shown('shown')
await page.waitForSelector('#cluster-figures > div.alarm')
await shown('alarm')
await browser.close()
process.exit(0)
