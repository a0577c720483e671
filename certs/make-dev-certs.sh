#!/bin/sh
# Makes a certificate authority and a server certificate for development, with openssl.
#
#   certs/make-dev-certs.sh [-o DIRECTORY] [HOST...]
#
# HOST is a name or an address; localhost, 127.0.0.1 and ::1 are always in. DIRECTORY (default: the
# one of this script) gets ca.pem, ca-key.pem, cert.pem (the chain, leaf first) and key.pem. The
# authority is kept when it is there already, so that browsers have to trust it only once.
set -eu
umask 077

dir=$(dirname "$0")
if [ "${1:-}" = -o ]; then
	dir=${2:?-o needs a directory}
	shift 2
fi
mkdir -p "$dir"

names=DNS:localhost,IP:127.0.0.1,IP:::1
for host; do
	case $host in
	*[!0-9.]*) case $host in *:*) names=$names,IP:$host ;; *) names=$names,DNS:$host ;; esac ;;
	*) names=$names,IP:$host ;;
	esac
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if [ ! -e "$dir/ca-key.pem" ]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 365 \
		-subj "/CN=hassesd development authority of $(id -un)" \
		-addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
		-keyout "$dir/ca-key.pem" -out "$dir/ca.pem" 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }
fi

cat >"$tmp/ext" <<END
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $names
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 \
		-subj "/CN=hassesd development" -keyout "$tmp/key.pem" -out "$tmp/request.pem" &&
		openssl x509 -req -in "$tmp/request.pem" -sha256 -days 30 -extfile "$tmp/ext" \
			-CA "$dir/ca.pem" -CAkey "$dir/ca-key.pem" -set_serial "0x$(openssl rand -hex 16)" -out "$tmp/leaf.pem"
} 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }

cat "$tmp/leaf.pem" "$dir/ca.pem" >"$tmp/cert.pem"
mv "$tmp/key.pem" "$dir/key.pem"
mv "$tmp/cert.pem" "$dir/cert.pem"
chmod 644 "$dir/ca.pem" "$dir/cert.pem"
echo "hassesd --auth none --cert-file $dir/cert.pem --key-file $dir/key.pem"
echo "curl --cacert $dir/ca.pem 'https://localhost:8443/sse?subscribe=room1'"
