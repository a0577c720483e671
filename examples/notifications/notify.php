<?php
// php notify.php USER TEXT: what the site does when something happens that the user should know at once.

[, $user, $text] = $argv;
$control = stream_socket_client('tcp://' . (getenv('HASSESD_CONTROL') ?: '127.0.0.1:8085'), $code, $error, 2) or exit("$error\n");
stream_set_timeout($control, 5);
fwrite($control, json_encode(['jsonrpc' => '2.0', 'id' => 1, 'method' => 'send', 'params' => ['to' => "user.$user", 'data' => $text]]) . "\n");
$answer = json_decode((string) fgets($control), true);
if (!isset($answer['result'])) {
    fwrite(STDERR, ($answer['error']['message'] ?? 'hassesd does not answer') . "\n");
    exit(1);
}
echo "user $user has {$answer['result']['matched']} open pages\n";
