<?php
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $text = trim($_POST['text'] ?? '');
    $control = @stream_socket_client('tcp://' . (getenv('HASSESD_CONTROL') ?: 'hassesd:8085'), $code, $error, 2);
    $answer = null;
    if ($control) {
        stream_set_timeout($control, 5);
        fwrite($control, json_encode(['jsonrpc' => '2.0', 'id' => 1, 'method' => 'send', 'params' => ['to' => 'room624', 'data' => $text]]) . "\n");
        $answer = json_decode((string) fgets($control), true);
    }
    if (!isset($answer['result'])) {
        http_response_code(503);
        exit($answer['error']['message'] ?? $error ?: 'hassesd does not answer');
    }
    header('Location: /', true, 303);
    exit;
}
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>compose</title>
<p>The stream is <output id="state">connecting</output>.</p>
<form id="say" method="post" action="/"><input name="text" required maxlength="1000"> <button>Publish</button></form>
<ul id="messages"></ul>
<script>
  const state = document.getElementById('state')
  const source = new EventSource('/sse?subscribe=room624')
  source.onopen = () => { state.value = 'open' }
  source.onerror = () => { state.value = 'connecting again' }
  source.onmessage = (e) => {
    const item = document.createElement('li')
    item.textContent = e.data
    document.getElementById('messages').append(item)
  }
  document.getElementById('say').addEventListener('submit', (e) => {
    e.preventDefault()
    fetch('/', { method: 'POST', body: new FormData(e.target) }).then((answer) => {
      if (answer.ok) e.target.reset()
      else answer.text().then(alert)
    })
  })
</script>
</html>
