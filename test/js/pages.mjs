// Uses pages as people do, in tabs of one browser: node pages.mjs
// Each line of standard input is a JSON array of an action, the name of a tab and its arguments. Each is reported when it is
// done: {kind: 'done', data} or {kind: 'failure', data}. Errors of a page's scripts are failures at any time.
import { createInterface } from 'node:readline'
import { launch } from './launch.mjs'
import { report } from './lines.mjs'

const patience = { timeout: 25_000 }
const browser = await launch()
const contexts = new Map()
const tabs = new Map()

// open makes a tab; tabs whose names begin alike up to a slash share cookies, as those of one person.
async function open(name, url) {
  const person = name.split('/')[0]
  if (!contexts.has(person)) contexts.set(person, await browser.newContext({ ignoreHTTPSErrors: true }))
  const page = await contexts.get(person).newPage()
  page.on('pageerror', (err) => report({ kind: 'failure', data: `${name}: ${err}` }))
  tabs.set(name, page)
  await page.goto(url)
}

const actions = {
  open,
  reload: (name) => tabs.get(name).reload(),
  close: (name) => tabs.get(name).close({ runBeforeUnload: true }),
  fill: (name, selector, text) => tabs.get(name).fill(selector, text),
  select: (name, selector, value) => tabs.get(name).selectOption(selector, value),
  click: (name, selector) => tabs.get(name).click(selector, patience),
  // text waits until the element has exactly this text.
  text: (name, selector, text) => tabs.get(name).waitForFunction(
    ([selector, text]) => document.querySelector(selector)?.textContent === text, [selector, text], patience),
  // contains waits until the element's text contains this.
  contains: (name, selector, text) => tabs.get(name).waitForFunction(
    ([selector, text]) => document.querySelector(selector)?.textContent.includes(text), [selector, text], patience),
  // list waits until the elements have exactly these texts, in this order.
  list: (name, selector, ...texts) => tabs.get(name).waitForFunction(
    ([selector, texts]) => {
      const got = Array.from(document.querySelectorAll(selector), (e) => e.textContent)
      return got.length === texts.length && got.every((text, i) => text === texts[i])
    }, [selector, texts], patience),
  evaluate: (name, script) => tabs.get(name).evaluate(script),
}

for await (const line of createInterface({ input: process.stdin })) {
  const [action, name, ...args] = JSON.parse(line)
  try {
    const result = await actions[action](name, ...args)
    report({ kind: 'done', data: action === 'evaluate' ? JSON.stringify(result ?? null) : '' })
  } catch (err) {
    const page = tabs.get(name)
    const body = await page?.evaluate(() => document.body.innerText).catch(() => '')
    report({ kind: 'failure', data: `${line}: ${err}\nthe page shows: ${body}` })
  }
}
await browser.close()
process.exit(0)
