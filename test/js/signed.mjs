// The page of docs/authorization.md, which gets signed URLs from its site: node signed.mjs SCRIPT SITE
import { readFileSync } from 'node:fs'
import { EventSource } from 'eventsource'
import { report } from './lines.mjs'

const [script, site] = process.argv.slice(2)
const fetchAnywhere = globalThis.fetch
Object.assign(globalThis, {
  EventSource,
  fetch: (url, init) => fetchAnywhere(new URL(url, site), init), // a page's URLs are relative to its own
  show: (e) => report({ kind: 'event', id: e.lastEventId, name: e.type, data: e.data }),
})
;(0, eval)(readFileSync(script, 'utf8'))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
