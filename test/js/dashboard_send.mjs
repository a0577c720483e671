// Sends a message from the dashboard of a daemon in development mode: node dashboard_send.mjs PAGE-URL ROOM
import { launch } from './launch.mjs'
import { report } from './lines.mjs'

const [url, room] = process.argv.slice(2)
const browser = await launch()
const page = await browser.newPage()
page.on('pageerror', (err) => report({ kind: 'failure', data: String(err) }))
await page.goto(url)
await page.waitForSelector('#send-section:not([hidden])')
await page.fill('#send-to', room)
await page.fill('#send-data', 'from <b>the</b> page')
await page.keyboard.press('Enter')
await page.waitForFunction(() => document.getElementById('send-answer').textContent !== '')
const sent = await page.textContent('#send-answer')
report({ kind: 'sent', data: sent })
await page.fill('#send-event', 'error') // which no event may be named
await page.click('#send-form button')
await page.waitForFunction((last) => document.getElementById('send-answer').textContent !== last, sent)
report({ kind: 'refused', data: await page.textContent('#send-answer') })
await browser.close()
process.exit(0)
