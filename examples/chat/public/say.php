<?php
require 'token.php';

function fail(int $status, string $why): never
{
    http_response_code($status);
    exit($why);
}

$claims = claims() ?? fail(401, 'Sign in first.');
$room = $_POST['room'] ?? '';
$text = trim($_POST['text'] ?? '');
in_array($room, $claims['hassesd']['subscribe'], true) || fail(403, 'You are not in this room.');
($text !== '' && strlen($text) <= 4000) || fail(400, 'Say something shorter.');

$message = ['room' => $room, 'name' => $claims['name'], 'text' => $text];
$control = stream_socket_client('tcp://' . (getenv('HASSESD_CONTROL') ?: '127.0.0.1:8085'), $code, $error, 2) ?: fail(503, $error);
stream_set_timeout($control, 5);
fwrite($control, json_encode(['jsonrpc' => '2.0', 'id' => 1, 'method' => 'send', 'params' => [
    'to' => $room,
    'except' => $claims['hassesd']['id'], // the sender's page shows it already
    'event' => 'chat',
    'data' => json_encode($message),
]]) . "\n");
$answer = json_decode((string) fgets($control), true);
isset($answer['result']) || fail(503, $answer['error']['message'] ?? 'hassesd does not answer.');

header('Content-Type: application/json');
echo json_encode($message);
