<?php
// Tokens that list the rooms of a visitor. hassesd checks them for the stream, and say.php for each message.

function base64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

function signature(string $text): string
{
    return base64url(hash_hmac('sha256', $text, trim(file_get_contents(__DIR__ . '/../jwt.key')), true));
}

function make_token(string $name, array $rooms): string
{
    $text = base64url(json_encode(['alg' => 'HS256', 'typ' => 'JWT', 'kid' => 'web'])) . '.' . base64url(json_encode([
        'exp' => time() + 3600,
        'name' => $name,
        'hassesd' => ['subscribe' => $rooms, 'id' => bin2hex(random_bytes(8))],
    ]));

    return $text . '.' . signature($text);
}

/** Returns the claims of the visitor's token, or null. */
function claims(): ?array
{
    $parts = explode('.', $_COOKIE['hassesd'] ?? '');
    if (count($parts) !== 3 || !hash_equals(signature("$parts[0].$parts[1]"), $parts[2])) {
        return null;
    }
    $claims = json_decode(base64_decode(strtr($parts[1], '-_', '+/')), true);

    return $claims['exp'] > time() ? $claims : null;
}
