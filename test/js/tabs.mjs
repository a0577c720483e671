// Opens a page in many tabs of one browser: node tabs.mjs PAGE-URL COUNT
// The page's global function show(lastEventId, data) is reported with the number of the tab as state. A line on standard
// input closes the first tab.
import { createInterface } from 'node:readline'
import { launch } from './launch.mjs'
import { report } from './lines.mjs'

const [url, count] = process.argv.slice(2)
const browser = await launch()
const context = await browser.newContext()
const tabs = []
for (let i = 0; i < Number(count); i++) {
  const tab = await context.newPage()
  await tab.exposeFunction('show', (id, data) => report({ kind: 'event', id, data, state: i }))
  tab.on('pageerror', (err) => report({ kind: 'failure', data: String(err), state: i }))
  await tab.goto(url)
  tabs.push(tab)
}
report({ kind: 'open' })

const lines = createInterface({ input: process.stdin })
lines.on('line', async () => {
  await tabs.shift().close({ runBeforeUnload: true })
  report({ kind: 'closed' })
})
lines.on('close', async () => {
  await browser.close()
  process.exit(0)
})
