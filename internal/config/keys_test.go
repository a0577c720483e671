package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEveryFieldHasAKeyAndEveryKeyAField(t *testing.T) {
	fields := map[string]bool{}
	var walk func(prefix string, typ reflect.Type)
	walk = func(prefix string, typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Tag.Get("toml") == "-" {
				continue // a finding of Load's, not a setting
			}
			name := prefix + f.Tag.Get("toml")
			if f.Type.Kind() == reflect.Struct {
				walk(name+".", f.Type)
				continue
			}
			fields[name] = true
		}
	}
	walk("", reflect.TypeFor[Settings]())

	for _, k := range Keys() {
		if !fields[k.Name] {
			t.Errorf("key %s has no field with this toml name", k.Name)
		}
		delete(fields, k.Name)
	}
	for _, list := range tableLists { // which no flag could set
		delete(fields, list.key)
	}
	for name := range fields {
		t.Errorf("field %s has no key", name)
	}
}

func TestEachKeyHasItsOwnField(t *testing.T) {
	var s Settings
	seen := map[uintptr]string{}
	for i := range registry {
		at := reflect.ValueOf(registry[i].field(&s)).Pointer()
		if other, ok := seen[at]; ok {
			t.Errorf("keys %s and %s share a field", other, registry[i].name)
		}
		seen[at] = registry[i].name
	}
}

func TestNamesFollowFromTheKey(t *testing.T) {
	k := keyNamed(t, "limits.connections_per_address")
	if k.Flag != "limits-connections-per-address" || k.Env != "HASSESD_LIMITS_CONNECTIONS_PER_ADDRESS" {
		t.Errorf("flag %q, variable %q", k.Flag, k.Env)
	}
}

func TestFlagNamesAreUnique(t *testing.T) {
	seen := map[string]string{}
	add := func(flag, owner string) {
		if other, ok := seen[flag]; ok {
			t.Errorf("flag %s belongs to %s and to %s", flag, other, owner)
		}
		seen[flag] = owner
	}
	for _, k := range Keys() {
		add(k.Flag, k.Name)
		for _, a := range k.Aliases {
			add(a, k.Name)
		}
	}
	for _, o := range OldFlags() {
		add(o.Name, "hasses")
	}
}

func TestShortFlags(t *testing.T) {
	want := map[string]string{
		"auth": "auth.mode", "allow-all-rooms": "auth.allow_all_rooms",
		"control-socket": "control.socket", "control-tcp": "control.tcp", "fifo": "control.fifo", "delimiter": "control.delimiter",
		"cert-file": "tls.cert_file", "key-file": "tls.key_file", "cors-origin": "cors.origins",
		"listen": "listen", "path": "path", "user": "user", "group": "group", "log-level": "log_level", "log-file": "log_file",
		"pid-file": "pid_file", "reinit": "reinit", "plaintext": "plaintext", "dev": "dev", "demo": "demo",
		"heartbeat-interval": "heartbeat.interval", "tls-cert-file": "tls.cert_file", "auth-mode": "auth.mode",
	}
	for flag, key := range want {
		if e, ok := lookupFlag(flag); !ok || e.name != key {
			t.Errorf("--%s does not set %s", flag, key)
		}
	}
}

func TestUsageTellsAll(t *testing.T) {
	for _, k := range Keys() {
		if k.Usage[0] < 'A' || k.Usage[0] > 'Z' {
			t.Errorf("usage of %s is no sentence: %q", k.Name, k.Usage)
		}
		if !strings.Contains(k.Usage, "Default: ") {
			t.Errorf("usage of %s names no default: %q", k.Name, k.Usage)
		}
		if k.Kind != Bool && !strings.Contains(k.Usage, "Example: --") {
			t.Errorf("usage of %s has no example: %q", k.Name, k.Usage)
		}
		switch k.Kind {
		case Duration:
			if !strings.Contains(k.Usage, "as a duration") {
				t.Errorf("usage of %s does not name the unit: %q", k.Name, k.Usage)
			}
		case Size:
			if !strings.Contains(k.Usage, "as a size") {
				t.Errorf("usage of %s does not name the unit: %q", k.Name, k.Usage)
			}
		case Bool, String, List, Int:
		}
	}
}

func TestExamplesAreValid(t *testing.T) {
	for i := range registry {
		e := &registry[i]
		if e.example == "" {
			continue
		}
		var s Settings
		if err := parseValue(e.kind(), e.field(&s), strings.Trim(e.example, "'")); err != nil {
			t.Errorf("example of %s: %v", e.name, err)
		}
	}
}

func TestDefaultsOfKeys(t *testing.T) {
	for name, want := range map[string]string{
		"listen": "https://:8443", "retry": "2s", "hsts.max_age": "17520h", "history.bytes": "64MiB", "history.age": "10m",
		"limits.request_bytes": "8KiB", "limits.connections": "0", "limits.stream_age": "0", "reinit": "false", "cors.origins": "",
	} {
		if got := keyNamed(t, name).Default; got != want {
			t.Errorf("default of %s is %q, want %q", name, got, want)
		}
	}
}

func TestIsDefault(t *testing.T) {
	s := Defaults()
	s.Retry = time.Minute
	if s.IsDefault("retry") || !s.IsDefault("control.socket") {
		t.Errorf("retry default: %v, control.socket default: %v; want false and true", s.IsDefault("retry"), s.IsDefault("control.socket"))
	}
}

func TestKindsHaveNames(t *testing.T) {
	for _, k := range Keys() {
		if k.Kind.String() == "unknown" {
			t.Errorf("kind %d of %s has no name", k.Kind, k.Name)
		}
	}
}

func keyNamed(t *testing.T, name string) Key {
	t.Helper()
	for _, k := range Keys() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("there is no key %s", name)
	return Key{}
}
