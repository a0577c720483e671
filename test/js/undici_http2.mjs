// A subscriber with undici's EventSource that is made to speak HTTP/2: node undici_http2.mjs URL
import { Agent, EventSource, setGlobalDispatcher } from 'undici'
import { run } from './lines.mjs'

setGlobalDispatcher(new Agent({ allowH2: true }))
run(EventSource)
