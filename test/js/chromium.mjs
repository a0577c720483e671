// A subscriber that is a real page in headless Chromium: node chromium.mjs STREAM-URL PAGE-URL
// The page makes the EventSource itself (page.html beside this file); what it sees is reported line by line.
import { launch } from './launch.mjs'
import { report } from './lines.mjs'

const [stream, page] = process.argv.slice(2)
const browser = await launch()
const context = await browser.newContext({ ignoreHTTPSErrors: true })
const tab = await context.newPage()
await tab.exposeFunction('report', report)
tab.on('pageerror', (err) => report({ kind: 'failure', data: String(err) }))
await tab.goto(page + '?stream=' + encodeURIComponent(stream))

process.stdin.resume()
process.stdin.on('end', async () => {
  await browser.close()
  process.exit(0)
})
