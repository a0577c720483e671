// The program of README's page, in Node.js: node readme.mjs SCRIPT
// It reports what the program shows, fetches and loads again.
import { readFileSync } from 'node:fs'
import { EventSource } from 'eventsource'
import { report } from './lines.mjs'

Math.random = () => 0.01 // it is about whether it waits, not how long
const fetchStream = globalThis.fetch // which this EventSource uses
const opened = class extends EventSource {
  constructor(url) {
    super(url, { fetch: fetchStream })
    this.addEventListener('open', () => report({ kind: 'open' }))
  }
}
Object.assign(globalThis, {
  EventSource: opened,
  fetch: async (url) => {
    report({ kind: 'fetch', data: url })
    return { ok: true, json: async () => 'the present state' }
  },
  location: { reload: () => report({ kind: 'failure', data: 'loads the page again' }) },
  show: (data) => report({ kind: 'show', data }),
})
console.log = (id, data) => report({ kind: 'event', id, data })
;(0, eval)(readFileSync(process.argv[2], 'utf8'))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
