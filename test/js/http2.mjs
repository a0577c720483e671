// Streams on one connection of Node's HTTP/2 client: node http2.mjs ORIGIN PATH COUNT
// Each stream has the id sN. What comes is reported with the number of the stream as state.
import http2 from 'node:http2'
import { report } from './lines.mjs'

const [origin, path, count] = process.argv.slice(2)
const session = http2.connect(origin)
session.on('error', (err) => report({ kind: 'failure', data: String(err) }))
session.on('goaway', (code) => report({ kind: 'goaway', data: String(code) }))
let open = 0
for (let i = 0; i < Number(count); i++) {
  const stream = session.request({ ':path': `${path}&id=s${i}` })
  let text = ''
  stream.setEncoding('utf8')
  stream.on('response', () => ++open === Number(count) && report({ kind: 'open' }))
  stream.on('data', (piece) => {
    const frames = (text + piece).split('\n\n')
    text = frames.pop()
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)
      if (data) report({ kind: 'event', data: data[1], state: i })
    }
  })
  stream.on('end', () => report({ kind: 'closed', state: i }))
  stream.on('error', (err) => report({ kind: 'failure', data: String(err) }))
}
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
