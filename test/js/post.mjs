// Publishes as back ends on Node.js do: node post.mjs URL KEY. It prints the answers.
import http from 'node:http'
import https from 'node:https'

const [url, key] = process.argv.slice(2)
const authorization = `Bearer ${key}`

// fetch, with a form and with JSON.
const form = await fetch(url, { method: 'POST', headers: { authorization }, body: new URLSearchParams({ to: 'a', data: 'form' }) })
console.log(form.status, await form.text())
const json = await fetch(url, {
  method: 'POST',
  headers: { authorization, 'content-type': 'application/json' },
  body: JSON.stringify({ to: 'a', data: 'json' })
})
console.log(json.status, await json.text())

// An event stream, written as it comes.
const client = url.startsWith('https:') ? https : http
const request = client.request(`${url}?to=a`, { method: 'POST', headers: { authorization, 'content-type': 'text/event-stream' } })
const answered = new Promise((resolve, reject) => {
  request.on('error', reject)
  request.on('response', async (response) => {
    let text = ''
    for await (const piece of response) text += piece
    resolve(`${response.statusCode} ${text}`)
  })
})
for (const word of ['one', 'two', 'three']) {
  request.write(`data: ${word}\n\n`)
  await new Promise((resolve) => setTimeout(resolve, 20))
}
request.end()
console.log(await answered)
