<?php
require 'token.php';

const ROOMS = ['lobby', 'garden'];

if ($_SERVER['REQUEST_METHOD'] === 'POST') { // sign in; a real site knows who this is
    $rooms = array_values(array_intersect(ROOMS, $_POST['rooms'] ?? []));
    $name = trim($_POST['name'] ?? '');
    if ($name === '' || strlen($name) > 160 || $rooms === []) {
        http_response_code(400);
        exit('Choose a name and a room.');
    }
    setcookie('hassesd', make_token($name, $rooms), ['path' => '/', 'httponly' => true, 'samesite' => 'Strict']);
    header('Location: /', true, 303);
    exit;
}
$claims = claims();
$stream = getenv('HASSESD_STREAM') ?: 'http://localhost:8080/sse';
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>chat</title>
<?php if (!$claims): ?>
<form id="sign-in" method="post">
  <label>Name <input name="name" required maxlength="40"></label>
  <?php foreach (ROOMS as $room): ?>
  <label><input type="checkbox" name="rooms[]" value="<?= $room ?>"> <?= $room ?></label>
  <?php endforeach ?>
  <button>Sign in</button>
</form>
<?php else: ?>
<p><?= htmlspecialchars($claims['name']) ?>, the stream is <output id="state">connecting</output>.</p>
<form id="say">
  <select name="room">
    <?php foreach ($claims['hassesd']['subscribe'] as $room): ?>
    <option><?= htmlspecialchars($room) ?></option>
    <?php endforeach ?>
  </select>
  <input name="text" required maxlength="1000" autocomplete="off">
  <button>Say</button>
</form>
<ul id="messages"></ul>
<script>
  const state = document.getElementById('state')
  const show = ({ room, name, text }) => {
    const item = document.createElement('li')
    item.textContent = `${room}: ${name}: ${text}`
    document.getElementById('messages').append(item)
  }

  // The cookie goes along, and says which rooms are granted. Nothing else need be asked for.
  const rooms = <?= json_encode($claims['hassesd']['subscribe'], JSON_HEX_TAG) ?>;
  const query = rooms.map((room) => 'room=' + encodeURIComponent(room)).join('&')
  const source = new EventSource(<?= json_encode($stream, JSON_HEX_TAG | JSON_UNESCAPED_SLASHES) ?> + '?' + query, { withCredentials: true })
  source.onopen = () => { state.value = 'open' }
  source.onerror = () => { state.value = source.readyState === EventSource.CLOSED ? 'refused' : 'connecting again' }
  source.addEventListener('chat', (e) => show(JSON.parse(e.data)))

  document.getElementById('say').addEventListener('submit', async (e) => {
    e.preventDefault()
    const form = e.target
    const answer = await fetch('say.php', { method: 'POST', body: new FormData(form) })
    if (!answer.ok) return alert(await answer.text())
    show(await answer.json()) // at once: the stream brings it to all others
    form.elements.text.value = ''
  })
</script>
<?php endif ?>
</html>
