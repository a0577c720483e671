<?php
// php model.php QUESTION: stands for a language model. Like the API of one, it writes an event stream, a few words at a time.

$answer = "You asked: $argv[1]\n\nA page that is loaded again in the middle of an answer gets all of it: the daemon keeps what was "
    . 'published to the room of the answer, and lastEventId=earliest asks for everything that it has kept.';
foreach (preg_split('/(?<= )/', $answer) as $token) {
    echo 'data: ', json_encode($token), "\n\n";
    usleep((int) (getenv('MODEL_PACE_MS') ?: 80) * 1000);
}
echo "event: done\ndata:\n\n";
