// Opens pages of evil.example, whose name resolves to this machine by now, at the operators' listener at PORT. Prints a line
// of JSON for each path: the status that the browser sees, and the text.
// Usage: node rebinding.mjs PORT PATH...
import { launch } from './launch.mjs'

const [port, ...paths] = process.argv.slice(2)
const site = `http://evil.example:${port}`
const browser = await launch('--host-resolver-rules=MAP evil.example 127.0.0.1')
try {
  const page = await browser.newPage()
  for (const path of paths) {
    const response = await page.goto(site + path)
    console.log(JSON.stringify({ path, status: response.status(), text: await response.text() }))
  }
} finally {
  await browser.close()
}
