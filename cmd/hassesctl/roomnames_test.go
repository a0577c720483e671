package main

import "testing"

func TestASCIIWords(t *testing.T) {
	for word, want := range map[string]bool{
		"room624": true, "a.b_c/d:e@f+g-h": true,
		"": false, "-x": false, "a b": false, "a;b": false, "$(x)": false, "a`": false, "ü": false, "a\n": false, "*": false, "a'": false,
	} {
		if got := isASCIIWord(word); got != want {
			t.Errorf("isASCIIWord(%q) = %v", word, got)
		}
	}
}
