// A subscriber with undici's EventSource: node undici.mjs URL
import { EventSource } from 'undici'
import { run } from './lines.mjs'

run(EventSource)
