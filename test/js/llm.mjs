// Reads the answer of a language model on the page of docs/llm.md: node llm.mjs PAGE-URL
// It loads the page again in the middle, and opens another tab then.
import { launch } from './launch.mjs'
import { report } from './lines.mjs'

const url = process.argv[2]
const browser = await launch()
const context = await browser.newContext({ ignoreHTTPSErrors: true })
const open = async () => {
  const page = await context.newPage()
  page.on('pageerror', (err) => report({ kind: 'failure', data: String(err) }))
  await page.goto(url)
  return page
}
const words = (page) => page.textContent('#answer')
const first = await open()
report({ kind: 'open' })
await first.waitForFunction(() => document.getElementById('answer').textContent.split(' ').length > 20)
report({ kind: 'middle', data: await words(first) })
await first.reload()
const second = await open()
for (const page of [first, second]) await page.waitForFunction(() => document.getElementById('answer').textContent.split(' ').length > 20)
report({ kind: 'again', data: await words(first), id: await words(second) })
for (const page of [first, second]) await page.waitForFunction(() => document.getElementById('state').textContent === 'done')
await second.reload() // it is over, and still there
await second.waitForFunction(() => document.getElementById('state').textContent === 'done')
report({ kind: 'done', data: await words(first), id: await words(second) })
await browser.close()
process.exit(0)
