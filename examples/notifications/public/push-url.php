<?php
// A signed URL for the stream of the user who is signed in. It opens streams for five minutes; they end after an hour.

function signed_url(string $user): string
{
    $key = trim(file_get_contents(__DIR__ . '/../url.key'));
    $values = ['exp' => time() + 300, 'kid' => '2026', 'room' => "user.$user", 'until' => time() + 3600]; // sorted by name
    $query = http_build_query($values, '', '&', PHP_QUERY_RFC3986);
    $sig = rtrim(strtr(base64_encode(hash_hmac('sha256', $query, $key, true)), '+/', '-_'), '=');

    return (getenv('HASSESD_STREAM') ?: 'http://127.0.0.1:8080/sse') . "?$query&sig=$sig";
}

session_start();
if (!isset($_SESSION['user'])) {
    http_response_code(401);
    exit('Sign in first.');
}
header('Content-Type: text/plain');
header('Cache-Control: no-store');
echo signed_url($_SESSION['user']);
