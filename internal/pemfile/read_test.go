package pemfile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

// selfSigned returns a certificate and its key, both PEM.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "somebody"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", string(der)), block("PRIVATE KEY", string(keyDER))
}

func TestCertificates(t *testing.T) {
	cert, key := selfSigned(t)
	for _, tt := range []struct {
		name, text string
		count      int
		want       string
	}{
		{"a chain", cert + cert, 2, ""},
		{"with its key and parameters", key + block("EC PARAMETERS", "x") + cert + block("DH PARAMETERS", "x"), 1, ""},
		{"nothing", "text", 0, "there is no PEM certificate"},
		{"a key", key, 0, "there is no PEM certificate"},
		{"base64 of something else", cert + block("CERTIFICATE", "x"), 0, "the certificate that begins here is damaged"},
		{"a form of OpenSSL's own", cert + block("TRUSTED CERTIFICATE", "x"), 0, "openssl x509"},
		{"an old label", block("X509 CERTIFICATE", "x"), 0, "write CERTIFICATE"},
		{"a request", block("CERTIFICATE REQUEST", "x"), 0, "asked with"},
		{"PKCS #7", block("PKCS7", "x"), 0, "openssl pkcs7"},
		{"a label that nobody knows", cert + block("SOMETHING", "x"), 0, "a SOMETHING begins here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := Certificates([]byte(tt.text))
			if (err == nil) != (tt.want == "") || len(all) != tt.count || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d certificates, %v; want %d, %q", len(all), err, tt.count, tt.want)
			}
			pool := x509.NewCertPool()
			if poolErr := AddCertificates(pool, []byte(tt.text)); (poolErr == nil) != (err == nil) || pool.Equal(x509.NewCertPool()) != (err != nil) {
				t.Errorf("AddCertificates says %v, Certificates %v", poolErr, err)
			}
		})
	}
}

func TestCheckKey(t *testing.T) {
	cert, key := selfSigned(t)
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x")}))
	for _, tt := range []struct{ name, text, want string }{
		{"a key", key, ""},
		{"with its certificate and parameters", block("EC PARAMETERS", "x") + key + cert, ""},
		{"nothing", "", "there is no PEM private key"},
		{"a certificate", cert, "there is no PEM private key"},
		{"with a passphrase", block("ENCRYPTED PRIVATE KEY", "x"), "passphrase"},
		{"with a passphrase, the old way", encrypted, "passphrase"},
		{"two", key + key, "a second private key"},
		{"a public key", block("PUBLIC KEY", "x"), "and not a private key"},
		{"damaged", key + cert[:len(cert)-5], "five hyphens"},
	} {
		err := CheckKey([]byte(tt.text))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestKeyPairTellsWhatIsWrongWithEachFile(t *testing.T) {
	cert, key := selfSigned(t)
	pair, err := KeyPair("c.pem", []byte(cert), "k.pem", []byte(key))
	if err != nil || pair.Leaf == nil || pair.Leaf.Subject.CommonName != "somebody" {
		t.Errorf("a good pair: %v", err)
	}
	_, other := selfSigned(t)
	for _, tt := range []struct {
		cert, key string
		want      []string
	}{
		{cert[:100], "", []string{"certificate c.pem: line 1: ", "private key k.pem: there is no"}},
		{cert, other, []string{"certificate c.pem with private key k.pem: "}},
	} {
		_, err := KeyPair("c.pem", []byte(tt.cert), "k.pem", []byte(tt.key))
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
}
