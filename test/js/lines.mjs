// The other side of a test reads one JSON object a line from standard output.

/** Prints one report. */
export function report(object) {
  process.stdout.write(JSON.stringify(object) + '\n')
}

/**
 * Subscribes with a WHATWG EventSource class and reports opens, errors and events until standard input ends.
 * @param {new (url: string, init?: object) => EventTarget} EventSource the class under test
 */
export function run(EventSource) {
  const source = new EventSource(process.argv[2])
  const event = (e) => report({ kind: 'event', id: e.lastEventId, name: e.type, data: e.data })
  source.addEventListener('open', () => report({ kind: 'open' }))
  source.addEventListener('error', () => report({ kind: 'error', state: source.readyState }))
  source.addEventListener('message', event)
  source.addEventListener('note', event)
  source.addEventListener('hasses.gap', event)
  process.stdin.resume()
  process.stdin.on('end', () => process.exit(0))
}
