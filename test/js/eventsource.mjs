// A subscriber with npm's eventsource: node eventsource.mjs URL
import { EventSource } from 'eventsource'
import { run } from './lines.mjs'

run(EventSource)
