// One EventSource for all tabs. The browser runs this script once for each URL of it, and ends it with the last tab.
const source = new EventSource(new URLSearchParams(location.search).get('stream'))
const tabs = new Set()

function tell(e) {
  for (const tab of tabs) tab.postMessage({ type: e.type, data: e.data, lastEventId: e.lastEventId })
}
for (const name of ['message', 'hasses.gap']) source.addEventListener(name, tell)

addEventListener('connect', ({ ports: [tab] }) => {
  tabs.add(tab)
  tab.onmessage = () => tabs.delete(tab) // it was closed
  tab.postMessage({ type: 'joined' })
})
