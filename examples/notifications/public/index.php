<?php
session_start(['cookie_httponly' => true, 'cookie_samesite' => 'Strict']);
if (preg_match('/^\d{1,9}$/D', $_GET['user'] ?? '')) { // a real site asks for a password
    session_regenerate_id(true);
    $_SESSION['user'] = $_GET['user'];
}
$user = $_SESSION['user'] ?? null;
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>notifications</title>
<?php if ($user === null): ?>
<form><label>User number <input name="user" pattern="\d{1,9}" required></label> <button>Sign in</button></form>
<?php else: ?>
<p>User <?= $user ?>, the stream is <output id="state">connecting</output>.</p>
<ul id="notifications"></ul>
<script>
  const state = document.getElementById('state')
  let lastEventId = ''
  const again = () => setTimeout(listen, 1000 + 4000 * Math.random())

  // A signed URL is good for a while only, so each stream gets a new one, and begins where the last one ended.
  async function listen() {
    try {
      const answer = await fetch('push-url.php')
      if (!answer.ok) throw new Error(answer.status)
      const url = await answer.text()
      const source = new EventSource(lastEventId ? url + '&lastEventId=' + encodeURIComponent(lastEventId) : url)
      source.onopen = () => { state.value = 'open' }
      source.onmessage = (e) => {
        lastEventId = e.lastEventId
        const item = document.createElement('li')
        item.textContent = e.data
        document.getElementById('notifications').append(item)
      }
      source.addEventListener('hasses.reauth', () => { source.close(); listen() })
      source.onerror = () => {
        state.value = 'connecting again'
        if (source.readyState === EventSource.CLOSED) again() // the URL has expired meanwhile
      }
    } catch {
      again() // the site cannot be reached now
    }
  }
  listen()
</script>
<?php endif ?>
</html>
