<?php
// Starts an answer, and tells the page the room in which it will come.

$question = trim($_POST['question'] ?? '');
if ($question === '' || strlen($question) > 2000) {
    http_response_code(400);
    exit('Ask something shorter.');
}
$room = 'answer.' . bin2hex(random_bytes(16)); // nobody guesses it; for real users, sign the URL of the stream
exec('php ' . escapeshellarg(__DIR__ . '/../model.php') . ' ' . escapeshellarg($question)
    . ' | hassesctl send --sse ' . escapeshellarg($room) . ' >/dev/null 2>&1 &');
header('Content-Type: text/plain');
echo $room;
