// Package archtest holds no code: its tests prove which package may know which, as docs/ARCHITECTURE.md draws it.
package archtest
