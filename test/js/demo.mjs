// Uses the daemon's demo page as a person would: node demo.mjs PAGE-URL
// COOKIE in the environment is a token for the daemon.
import { launch } from './launch.mjs'
import { report } from './lines.mjs'

const browser = await launch()
const context = await browser.newContext({ ignoreHTTPSErrors: true })
if (process.env.COOKIE) {
  await context.addCookies([{
    name: '__Secure-hassesd', value: process.env.COOKIE, url: process.argv[2], secure: true, httpOnly: true, sameSite: 'Strict',
  }])
}
const page = await context.newPage()
page.on('pageerror', (err) => report({ kind: 'failure', data: String(err) }))
page.on('console', (m) => { if (m.type() === 'error') report({ kind: 'failure', data: m.text() }) })
await page.goto(process.argv[2])
await page.fill('#rooms', 'room1')
await page.click('#connect')
await page.waitForSelector('#state[data-state=open]')
report({ kind: 'open' })
await page.waitForSelector('#events li')
report({
  kind: 'event',
  id: (await page.textContent('#last')).trim(),
  data: (await page.textContent('#events li .data')).trim(),
  state: Number(await page.textContent('#count')),
})
if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT })

process.stdin.resume()
process.stdin.on('end', async () => {
  await browser.close()
  process.exit(0)
})
